#!/usr/bin/env bash
# The front door: makes the Python environment a command needs, once, and runs it. Without an argument: help.
set -euo pipefail

ROOT=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd)
readonly ROOT
readonly SUPPORTED='3.11, 3.12 or 3.13'
# The system's own python3 first: on Raspberry Pi OS only that one sees picamera2, which comes from apt.
readonly CANDIDATES=(python3 python3.13 python3.12 python3.11)
# Programs that tests marked `system` start, and the Debian packages that bring them.
readonly SYSTEM_PROGRAMS=(
    shellcheck:shellcheck chromium:chromium chromedriver:chromium-driver mosquitto:mosquitto
)

help() {
    cat <<'END'
Mien, a local emotion sensor: camera in, faces found, emotions classified, events out.

  ./setup.sh run [OPTION...]     start it; without a camera it plays its demo (run --help: all options)
  ./setup.sh test [KIND...] [PYTEST OPTION...]
                                 run the tests; KIND is fast, system (those that need Chromium and the like: as
                                 root what they need is installed by apt-get, else they are skipped; these two
                                 are the default) or pi (on an emulated Raspberry Pi, see docs/PI.md; as root
                                 pi --tier N [bookworm|trixie] builds what tier N needs and runs it alone)
  ./setup.sh train [COMMAND...]  train and evaluate models on a workstation (train --help)
  ./setup.sh docs [FOLDER]       build the documentation as a site, in build/docs unless told
  ./setup.sh release [FOLDER]    build wheel and source archive, in dist unless told: the same bytes everywhere

  sudo ./setup.sh install        install it as a service on Raspberry Pi OS or Debian (install --help)
  sudo ./setup.sh update         switch the service to this release; it switches back if that does not run
  sudo ./setup.sh repair         make its environment anew after the system underneath it changed
  sudo ./setup.sh uninstall      remove it; --purge removes settings and records, too
  ./setup.sh flash               prepare a card with Raspberry Pi OS so that its first boot installs Mien
  ./setup.sh wheelhouse DIR      fetch what an install without a network needs

The first four make their own Python environment first, once: .venv, .venv-test, .venv-train, .venv-docs. Nothing else
is touched.
Python 3.11, 3.12 or 3.13 is needed; MIEN_PYTHON=/path/to/python chooses one.
END
}

say() { printf 'setup.sh: %s\n' "$*" >&2; }

fail() {
    say "$@"
    exit 1
}

# probe COMMAND: "VERSION BITS PLATFORM MEANS INTERPRETER", nothing if it does not run. MEANS is how it can fill an
# environment: its bundled pip (ensurepip), an installed one (pip) or not at all (none).
probe() {
    "$1" - 2>/dev/null <<'END'
import os, struct, sys, sysconfig
try:
    from importlib.util import find_spec
except ImportError:
    find_spec = lambda name: None
means = "none"
if find_spec("venv"):
    means = "ensurepip" if find_spec("ensurepip") else "pip" if find_spec("pip") else "none"
interpreter = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
print("%d.%d.%d %d %s %s %s" % (sys.version_info[:3] + (struct.calcsize("P") * 8, sysconfig.get_platform(), means, interpreter)))
END
}

# Sets PYTHON (the command), VERSION (3.11), MEANS and INTERPRETER: the first supported Python, or one clear line.
find_python() {
    local candidates=("${CANDIDATES[@]}") command found='' version bits platform means interpreter lacking=''
    if [[ -n ${MIEN_PYTHON:-} ]]; then
        command -v -- "$MIEN_PYTHON" >/dev/null || fail "MIEN_PYTHON = $MIEN_PYTHON: no such program"
        candidates=("$MIEN_PYTHON")
    fi
    for command in "${candidates[@]}"; do
        command -v -- "$command" >/dev/null || continue
        read -r version bits platform means interpreter < <(probe "$command") || continue
        case $version in
            3.11.* | 3.12.* | 3.13.*) ;;
            *)
                found+="${found:+, }$command is $version"
                continue
                ;;
        esac
        case $platform-$bits in
            linux-x86_64-64 | linux-aarch64-64) ;;
            *) fail "needs 64-bit Linux on x86_64 or aarch64; $command is $bits-bit $platform" ;;
        esac
        if [[ $means == none ]]; then
            lacking=${lacking:-$interpreter ($version)}
            continue
        fi
        PYTHON=$command VERSION=${version%.*} MEANS=$means INTERPRETER=$interpreter
        return
    done
    if [[ -n $lacking ]]; then
        fail "$lacking cannot make environments here: sudo apt install python3-venv"
    fi
    if [[ -n $found ]]; then
        fail "needs Python $SUPPORTED; $found. MIEN_PYTHON=/path/to/python chooses another."
    fi
    fail "needs Python $SUPPORTED and found none: sudo apt install python3 python3-venv"
}

# What picamera2's apt package brings into INTERPRETER's system packages, if it is there.
picamera2_of() { [[ -d ${1%/bin/*}/lib/python3/dist-packages/picamera2 ]]; }

# stamp TARGET VERSION INTERPRETER: what an environment was made from. The same stamp means the same environment.
stamp() {
    local lock=$ROOT/requirements/$1-py${2/./}.txt
    printf '%s\n' "$2" "$3" "$ROOT"
    if picamera2_of "$3"; then echo 'with system packages'; fi
    cat -- "$lock" "$ROOT/pyproject.toml" | sha256sum
}

# current VENV TARGET: whether VENV is whole and made from what stands here now.
current() {
    local made=$1/stamp version
    [[ -s $made && -x $1/bin/python ]] || return 1
    read -r version <"$made"
    [[ -r $ROOT/requirements/$2-py${version/./}.txt ]] || return 1
    if [[ -n ${MIEN_PYTHON:-} ]]; then
        find_python
        stamp "$2" "$VERSION" "$INTERPRETER" | cmp -s -- - "$made"
    else
        stamp "$2" "$version" "$(readlink -f -- "$1/bin/python")" | cmp -s -- - "$made"
    fi
}

# environment TARGET: sets VENV, made now unless it is there already.
environment() {
    VENV=$ROOT/.venv
    if [[ $1 != edge ]]; then VENV+=-$1; fi
    if current "$VENV" "$1"; then return; fi
    # One at a time; the directory itself is the lock, so none is left behind.
    exec 9<"$ROOT"
    flock --nonblock 9 || {
        say 'another one is installing here: waiting for it'
        flock 9
    }
    if ! current "$VENV" "$1"; then make_environment "$1"; fi
    exec 9<&-
}

make_environment() {
    local target=$1 lock log options=() pip
    find_python
    lock=$ROOT/requirements/$target-py${VERSION/./}.txt
    log=$VENV/setup.log
    if [[ -e $VENV && ! -e $VENV/stamp ]]; then
        fail "$VENV was not made by setup.sh: move it away"
    fi
    # Renamed first: half a removed environment must not look like somebody else's.
    if [[ -e $VENV ]]; then mv -T -- "$VENV" "$VENV-old"; fi
    rm -rf -- "$VENV-old"
    say "making ${VENV##*/} for Python $VERSION: $(grep -c '==' "$lock") packages, once"
    mkdir -- "$VENV"
    : >"$VENV/stamp" # empty until all is done: an interrupted install is made anew

    if picamera2_of "$INTERPRETER"; then options=(--system-site-packages); fi
    "$PYTHON" -m venv --without-pip "${options[@]}" "$VENV" >"$log" 2>&1 || give_up "$log"
    if [[ $MEANS == ensurepip ]]; then
        # pip is borrowed for the installation and does not stay.
        "$VENV/bin/python" -m ensurepip --root "$VENV/pip" >>"$log" 2>&1 || give_up "$log"
        pip=(env PYTHONPATH="$VENV/pip$VENV/lib/python$VERSION/site-packages" "$VENV/bin/python" -m pip)
    else
        pip=("$PYTHON" -m pip --python "$VENV/bin/python")
    fi
    # Every package of the lock goes into the environment, even one that the system has too: apt must not be able to
    # change it underneath.
    PIP_USER=0 "${pip[@]}" install --no-input --disable-pip-version-check --no-warn-script-location --progress-bar off \
        --ignore-installed --no-deps --only-binary :all: --require-hashes -r "$lock" 2>&1 |
        follow "$log" || give_up "$log"
    PIP_USER=0 "${pip[@]}" install --quiet --no-input --disable-pip-version-check --no-warn-script-location \
        --ignore-installed --no-deps --no-index --no-build-isolation -e "$ROOT" >>"$log" 2>&1 || give_up "$log"
    rm -rf -- "$VENV/pip"
    stamp "$target" "$VERSION" "$INTERPRETER" >"$VENV/stamp.new"
    mv -- "$VENV/stamp.new" "$VENV/stamp"
    say "made in $SECONDS s, $(du -sm -- "$VENV" | cut -f 1) MB"
}

# follow LOG: pip's words go to LOG; a terminal shows which package it is at.
follow() {
    local line
    while IFS= read -r line; do
        printf '%s\n' "$line" >>"$1"
        case $line in
            Collecting*) line=${line#Collecting } line=${line%% *} ;;
            'Installing collected packages'*) line=unpacking ;;
            *) continue ;;
        esac
        if [[ -t 2 ]]; then printf '\r\033[K  %s' "$line" >&2; fi
    done
    if [[ -t 2 ]]; then printf '\r\033[K' >&2; fi
}

# give_up LOG: the reason, in the words of the program that failed. Nothing but the log stays.
give_up() {
    local reason
    find "$VENV" -mindepth 1 -maxdepth 1 ! -name stamp ! -name setup.log -exec rm -rf -- {} +
    reason=$(grep -E 'ERROR|Error|error:' "$1" | grep -v '^WARNING: Location' | tail -n 3) || reason=$(tail -n 3 "$1")
    if grep -q -E 'NewConnectionError|NameResolutionError|Network is unreachable|ConnectTimeout' "$1"; then
        reason="the package index cannot be reached; is there a network? (more in $1)"
    fi
    fail "installing failed: $reason"
}

# As root, what the tests marked `system` start is installed; without it they are skipped and say so.
system_programs() {
    local pair missing=()
    for pair in "${SYSTEM_PROGRAMS[@]}"; do
        command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
    done
    if [[ ${#missing[@]} -eq 0 || $EUID -ne 0 ]] || ! command -v apt-get >/dev/null; then return; fi
    say "installing ${missing[*]} by apt-get"
    export DEBIAN_FRONTEND=noninteractive
    {
        apt-get -qq -o DPkg::Lock::Timeout=600 update
        apt-get -qq -o DPkg::Lock::Timeout=600 install --yes --no-install-recommends "${missing[@]}"
    } >"$VENV/apt.log" 2>&1 || say "apt-get failed: $(tail -n 1 "$VENV/apt.log")"
}

run_tests() {
    local kinds=() expression='' kind tier='' release=()
    while [[ ${1:-} =~ ^(fast|system|pi|soak|all)$ ]]; do
        kinds+=("$1")
        shift
    done
    if [[ ${1:-} == --tier ]]; then
        tier=${2:-}
        [[ $tier =~ ^[1-5]$ && ${kinds[*]} == pi ]] || fail "--tier ${tier:-?}: ./setup.sh test pi --tier 1, 2, 3, 4 or 5"
        shift 2
        if [[ ${1:-} =~ ^(bookworm|trixie)$ ]]; then
            release=("$1")
            shift
        fi
    fi
    if [[ ${#kinds[@]} -eq 0 ]]; then kinds=(fast system); fi
    if [[ " ${kinds[*]} " == *' all '* ]]; then kinds=(fast system pi soak); fi
    for kind in "${kinds[@]}"; do
        if [[ $kind == fast ]]; then kind='not (system or pi or soak)'; fi
        expression+="${expression:+ or }($kind)"
    done
    if [[ -n $tier ]]; then
        if [[ $EUID -eq 0 ]]; then "$ROOT/tests/pi/setup.sh" --tier "$tier" "${release[@]}"; fi
        # Instructions are counted on one release alone.
        if [[ ${#release[@]} -gt 0 && $tier != 2 ]]; then set -- "$@" -k "${release[0]}"; fi
        set -- "$@" "$ROOT/tests/pi/test_tier${tier}_"*.py
    fi
    environment test
    export PATH=$PATH:/usr/sbin # where Debian keeps servers, and a user's PATH does not look
    if [[ " ${kinds[*]} " == *' system '* ]]; then system_programs; fi
    cd -- "$ROOT"
    exec "$VENV/bin/python" -m pytest -m "$expression" "$@"
}

# release FOLDER: wheel and source archive of what is committed here, with their checksums.
release() {
    local commit_s
    [[ -z $(git -C "$ROOT" status --porcelain) ]] || fail 'commit first: a release is what its commit says'
    commit_s=$(git -C "$ROOT" log -1 --format=%ct)
    environment test
    mkdir -p -- "$1"
    cd -- "$ROOT"
    SOURCE_DATE_EPOCH=$commit_s "$VENV/bin/python" -m hatchling build -t sdist -t wheel -d "$1"
    cd -- "$1"
    sha256sum -- mien-*.whl mien-*.tar.gz >SHA256SUMS
    cat SHA256SUMS
}

# deploy COMMAND [ARGUMENT...]: what changes a system is Python, on the system's own interpreter: Mien's environment is
# not there yet.
deploy() {
    local python=${MIEN_PYTHON:-/usr/bin/python3}
    if [[ ! -x $python ]]; then python=$(command -v python3 || true); fi
    if [[ -z $python && $EUID -eq 0 ]] && command -v apt-get >/dev/null; then
        say 'installing python3 by apt-get'
        if ! { apt-get -qq update && apt-get -qq install --yes --no-install-recommends python3; } >/dev/null; then
            fail 'apt-get failed: sudo apt install python3'
        fi
        python=/usr/bin/python3
    fi
    [[ -n $python ]] || fail "needs Python $SUPPORTED and found none: sudo apt install python3"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "needs Python $SUPPORTED; $python is older"
    # Nothing of the caller's environment or folder may be imported by root.
    exec env -u PYTHONHOME PYTHONPATH="$ROOT" "$python" -P -s -B -m deploy "$@"
}

main() {
    local command=${1:-help}
    if [[ $# -gt 0 ]]; then shift; fi
    # An environment that sees the system's packages would let ~/.local come before its own.
    export PYTHONNOUSERSITE=1
    case $command in
        run)
            environment edge
            exec "$VENV/bin/mien" run "$@"
            ;;
        train)
            environment train
            exec "$VENV/bin/mien-train" "$@"
            ;;
        docs)
            environment docs
            # A warning is a fault: a link that leads nowhere, a page that no menu names.
            exec "$VENV/bin/python" -m sphinx --quiet --fresh-env --nitpicky --fail-on-warning --keep-going \
                --jobs auto "$ROOT/docs" "${1:-$ROOT/build/docs}"
            ;;
        release) release "$(realpath -m -- "${1:-$ROOT/dist}")" ;;
        test) run_tests "$@" ;;
        install | update | repair | uninstall | flash | wheelhouse) deploy "$command" "$@" ;;
        help | -h | --help) help ;;
        *)
            say "unknown command '$command': ./setup.sh lists them all"
            exit 2
            ;;
    esac
}

main "$@"
