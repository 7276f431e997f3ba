#!/usr/bin/env bash
# Builds the emulated Raspberry Pi that the tests marked `pi` run in, once; what stands and is current is left alone.
#
#   sudo tests/pi/setup.sh [--tier N] [bookworm] [trixie]     tier 2, both releases unless told
#
# Tier 3 takes an x86_64 Debian each that boots in a container, and wheels: systemd-container, 380 MB each.
#
# Tiers 4 and 5 take an arm64 Debian each that boots in a virtual machine, with its kernel, and wheels: arm64.sh. Tier 1
# installs into the same, beside what it has from tier 2.
#
# For tiers 1 and 2 each is an arm64 Debian with Python, the packages of requirements/edge-py3*.txt and nothing else. Nothing is
# emulated to build it: the Debian packages are unpacked, not configured, and pip fetches aarch64 wheels.
# Kept in MIEN_PI_CACHE, else in ~/.cache/mien-pi of the user who called sudo; 310 MB each.
set -euo pipefail

here=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd)
readonly here
readonly requirements=$here/../../requirements
# The program that has to be there, and Debian's package that brings it.
TOOLS=(qemu-aarch64:qemu-user mmdebstrap:mmdebstrap cc:gcc)
readonly ARM64_TOOLS=(qemu-aarch64-static:qemu-user-static update-binfmts:binfmt-support depmod:kmod)
PYTHON=python3

say() { printf 'pi: %s\n' "$*" >&2; }

fail() {
    say "$@"
    exit 1
}

# The cache of the user who called sudo is the one that their tests look in, later and without root.
find_cache() {
    local user=${SUDO_USER:-root} home
    if [[ -n ${MIEN_PI_CACHE:-} ]]; then
        cache=$MIEN_PI_CACHE
        mkdir -p -- "$cache"
    elif [[ $user == root ]]; then
        cache=${XDG_CACHE_HOME:-$HOME/.cache}/mien-pi
        mkdir -p -- "$cache"
    else
        home=$(getent passwd "$user" | cut -d : -f 6)
        cache=$home/.cache/mien-pi
        runuser -u "$user" -- mkdir -p -- "$cache"
    fi
    cache=$(cd -- "$cache" && pwd)
}

install_tools() {
    local pair missing=()
    for pair in "${TOOLS[@]}"; do
        command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
    done
    if [[ " ${missing[*]} " == *' gcc '* ]]; then missing+=(libc6-dev); fi
    # The caller's own Python may be an environment without pip, which apt cannot help.
    if ! "$PYTHON" -m pip --version >/dev/null 2>&1; then PYTHON=/usr/bin/python3; fi
    "$PYTHON" -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
    if [[ ${#missing[@]} -eq 0 ]]; then return; fi
    command -v apt-get >/dev/null || fail "needs ${missing[*]} (Debian's names) and finds no apt-get"
    say "installing ${missing[*]} by apt-get"
    export DEBIAN_FRONTEND=noninteractive
    {
        apt-get -qq -o DPkg::Lock::Timeout=600 update
        apt-get -qq -o DPkg::Lock::Timeout=600 install --yes --no-install-recommends "${missing[@]}"
    } >"$cache/apt.log" 2>&1 || fail "apt-get failed: $(tail -n 1 -- "$cache/apt.log")"
}

# cpuinfo VARIANT PART REVISION FEATURES: what Linux says of a Pi's four cores.
cpuinfo() {
    local core
    for core in 0 1 2 3; do
        printf '%-16s: %s\n' processor "$core" BogoMIPS 108.00 Features "$4" 'CPU implementer' 0x41 \
            'CPU architecture' 8 'CPU variant' "$1" 'CPU part' "$2" 'CPU revision' "$3"
        echo
    done
}

# views ROOT: ROOT/a53, a72 and a76 are the same system, each seen by its own processor. qemu-user shows the guest
# the /proc/cpuinfo of the x86 host, in which LiteRT finds no Arm core and crashes.
views() {
    local name entry
    for name in a53 a72 a76; do
        mkdir -p -- "$1/$name/proc"
        for entry in bin etc lib opt sbin usr var; do
            if [[ -e $1/system/$entry ]]; then ln -s -- "../system/$entry" "$1/$name/$entry"; fi
        done
    done
    local simple='fp asimd evtstrm crc32 cpuid'
    cpuinfo 0x0 0xd03 4 "$simple" >"$1/a53/proc/cpuinfo"
    cpuinfo 0x0 0xd08 3 "$simple" >"$1/a72/proc/cpuinfo"
    cpuinfo 0x4 0xd0b 1 'fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp' \
        >"$1/a76/proc/cpuinfo"
}

# wheels LOCK PYTHON DIR LOG: the locked packages for aarch64, from wheels alone.
wheels() {
    local minor platforms=()
    # pip takes these names literally: a wheel made for an older C library is not found under the newest name. It also
    # holds the packages against its own Python; the lock was made for the right one.
    for minor in {36..17}; do platforms+=(--platform "manylinux_2_${minor}_aarch64"); done
    PIP_USER=0 "$PYTHON" -m pip install --no-input --disable-pip-version-check --progress-bar off --root-user-action ignore \
        --target "$3" --no-deps --ignore-requires-python --only-binary :all: --require-hashes --python-version "$2" --implementation cp \
        --abi "cp${2/./}" --abi abi3 --abi none "${platforms[@]}" --platform manylinux2014_aarch64 -r "$1" \
        >>"$4" 2>&1
}

# build SUITE PYTHON: made beside and renamed when whole, so an interrupted build is never taken for a finished one.
build() {
    local suite=$1 python=$2 root=$cache/$1 lock=$requirements/edge-py${2/./}.txt stamp log=$cache/$1.log new
    stamp=$({ cat -- "$lock" && declare -f build wheels views cpuinfo; } | sha256sum)
    if [[ -r $root/stamp && $(<"$root/stamp") == "$stamp" ]]; then return; fi
    say "building $suite for Python $python ..."
    new=$root.new
    rm -rf -- "$new"
    mkdir -- "$new"
    mmdebstrap --mode=root --variant=extract --arch=arm64 --include=base-files,python3,libstdc++6,libgomp1 \
        --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"' \
        "$suite" "$new/system" >"$log" 2>&1 || fail "$suite: mmdebstrap failed: $(grep '^E:' -- "$log" | tail -n 1) (more in $log)"
    wheels "$lock" "$python" "$new/system/opt/mien" "$log" ||
        fail "$suite: pip failed: $(tail -n 1 -- "$log") (more in $log)"
    views "$new"
    printf '%s\n' "$stamp" >"$new/stamp"
    rm -rf -- "$root"
    mv -T -- "$new" "$root"
    say "built $suite in $SECONDS s, $(du -sm -- "$root" | cut -f 1) MB"
}

# What a Raspberry Pi OS Lite has, as far as Mien meets it.
readonly BOOTABLE=systemd,systemd-sysv,dbus,udev,kmod,procps,iproute2,ca-certificates,python3,libstdc++6,libgomp1

# boots SUITE: an x86_64 Debian that boots in a container, and the wheels for it. It is small and has no network.
boots() {
    local suite=$1 root=$cache/$1-x86_64 wheels=$cache/wheels-$1-x86_64 log=$cache/$1-x86_64.log stamp lock
    stamp=$({ echo "$BOOTABLE" && declare -f boots; } | sha256sum)
    if [[ ! -r $root/stamp || $(<"$root/stamp") != "$stamp" ]]; then
        say "building a $suite that boots ..."
        rm -rf -- "$root.new"
        mmdebstrap --mode=root --variant=minbase --arch=amd64 --include="$BOOTABLE" \
            --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
            --aptopt='Acquire::Retries "3"' "$suite" "$root.new" >"$log" 2>&1 ||
            fail "$suite: mmdebstrap failed: $(grep '^E:' -- "$log" | tail -n 1) (more in $log)"
        printf '%s\n' "$stamp" >"$root.new/stamp"
        rm -rf -- "$root"
        mv -T -- "$root.new" "$root"
        say "built it in $SECONDS s, $(du -sm -- "$root" | cut -f 1) MB"
    fi
    lock=$requirements/edge-py$([[ $suite == bookworm ]] && echo 311 || echo 313).txt
    stamp=$(cat -- "$lock" "$requirements/pip.lock" | sha256sum)
    if [[ ! -r $wheels/stamp || $(<"$wheels/stamp") != "$stamp" ]]; then
        "$here/../../setup.sh" wheelhouse "$wheels" --release "$suite" --machine x86_64
        printf '%s\n' "$stamp" >"$wheels/stamp"
    fi
}

build_counter() {
    local library=$cache/icount.so
    if [[ $library -nt $here/icount.c ]]; then return; fi
    cc -std=c11 -O2 -Wall -Wextra -Werror -shared -fPIC -fvisibility=hidden -o "$library.new" "$here/icount.c"
    mv -- "$library.new" "$library"
}

main() {
    local suite suites tier=2
    if [[ ${1:-} == --tier ]]; then
        tier=${2:-}
        shift $(($# < 2 ? $# : 2))
    fi
    suites=("$@")
    if [[ ${#suites[@]} -eq 0 ]]; then suites=(bookworm trixie); fi
    for suite in "${suites[@]}"; do
        case $suite in
            bookworm | trixie) ;;
            *)
                say "unknown release '$suite': bookworm or trixie"
                exit 2
                ;;
        esac
    done
    case $tier in
        1) TOOLS+=("${ARM64_TOOLS[@]}") ;;
        2) ;;
        3) TOOLS+=(systemd-nspawn:systemd-container) ;;
        4 | 5)
            TOOLS+=(qemu-system-aarch64:qemu-system-arm mkfs.ext4:e2fsprogs mkfs.vfat:dosfstools mcopy:mtools sfdisk:fdisk)
            TOOLS+=("${ARM64_TOOLS[@]}")
            ;;
        *)
            say "unknown tier '$tier': 1 to 5"
            exit 2
            ;;
    esac
    [[ $(uname -m) == x86_64 ]] || fail "emulates a Pi on x86_64; this is $(uname -m)"
    [[ $EUID -eq 0 ]] || fail "needs root: sudo $0"
    umask 022
    find_cache
    exec 9>"$cache/lock"
    flock 9
    install_tools
    build_counter
    if [[ ! -r $cache/processors/a76/proc/cpuinfo ]]; then views "$cache/processors"; fi
    for suite in "${suites[@]}"; do
        SECONDS=0
        if [[ $tier == 3 ]]; then boots "$suite"; fi
        if [[ $tier == [12] ]]; then build "$suite" "$([[ $suite == bookworm ]] && echo 3.11 || echo 3.13)"; fi
        if [[ $tier == [145] ]]; then "$here/arm64.sh" "$cache" "$suite"; fi
    done
    say "ready in $cache"
}

main "$@"
