#!/usr/bin/env bash
# Builds an arm64 Debian that boots in a virtual machine, for tiers 4 and 5; called by setup.sh, as root.
#
#   arm64.sh CACHE SUITE    CACHE/SUITE-arm64 (the root), .vmlinuz, .initrd beside it, CACHE/wheels-SUITE-aarch64
#
# Its programs run by qemu-user while it is built, so the kernel must know what to do with them (binfmt_misc).
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin # not in everybody's

here=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd)
readonly here cache=$1 suite=$2
readonly root=$cache/$suite-arm64 log=$cache/$suite-arm64.log
# Of Raspberry Pi OS what Mien and a first boot meet; Trixie's first boot is cloud-init's.
packages=systemd,systemd-sysv,systemd-timesyncd,dbus,udev,kmod,procps,iproute2,ca-certificates,python3,libstdc++6,libgomp1
packages+=,initramfs-tools,mosquitto,mosquitto-clients,sudo,openssh-server,netbase,usr-is-merged
if [[ $suite == trixie ]]; then packages+=,cloud-init,netplan.io; fi
readonly packages
readonly ESSENTIAL='?or(?essential,?priority(required),?exact-name(apt))'
# What packages call to get ready: emulated it takes most of the time, and no test needs what it makes.
readonly SLOW=(/usr/bin/py3compile)
# shellcheck disable=SC2016
readonly MERGED='mkdir -p "$1/usr/bin" "$1/usr/sbin" "$1/usr/lib"; ln -s usr/bin usr/sbin usr/lib "$1"'
# The kernel's package, by the apt outside: it is not installed.
# shellcheck disable=SC2016
readonly KERNEL='export APT_CONFIG=$MMDEBSTRAP_APT_CONFIG; mkdir "$1/kernel"; cd "$1/kernel"
    apt-get download -o APT::Sandbox::User=root "$(apt-cache depends --important linux-image-arm64 |
        sed -n "s/^ *Depends: //p" | head -n 1)"'

say() { printf 'pi: %s\n' "$*" >&2; }

fail() {
    trap - EXIT
    say "$@"
    exit 1
}

know_arm64() {
    if [[ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ]]; then return; fi
    mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
    update-binfmts --enable qemu-aarch64
}

# inside COMMAND...: run it in the new root, in a mount namespace of its own.
inside() {
    # shellcheck disable=SC2016
    unshare --mount --propagation private bash -c '
        root=$1; shift
        mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"; mount -t sysfs sysfs "$root/sys"
        exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"' _ "$root.new" "$@"
}

# The packages, unpacked by this machine's own dpkg: emulated it takes many times as long. It asks no dependencies,
# which it would hold against this machine's processor.
unpack() {
    local name
    rm -rf -- "$root.new"
    mmdebstrap --mode=root --variant=extract --arch=arm64 --include="$ESSENTIAL" --include="$packages" \
        --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
        --aptopt='Acquire::Retries "3"' --setup-hook="$MERGED" --extract-hook="$KERNEL" \
        --skip=cleanup/apt/cache "$suite" "$root.new" >"$log" 2>&1 ||
        fail "$suite: mmdebstrap failed: $(grep '^E:' -- "$log" | tail -n 1) (more in $log)"
    mkdir -p "$root.new"/var/lib/dpkg/{info,updates,triggers}
    touch "$root.new"/var/lib/dpkg/{status,available}
    for name in "${SLOW[@]}"; do
        dpkg-divert --root "$root.new" --quiet --local --no-rename --divert "$name.distrib" --add "$name"
    done
    printf '%s\n' amd64 arm64 >"$root.new/var/lib/dpkg/arch"
    dpkg --root="$root.new" --force-depends --force-unsafe-io --unpack "$root.new"/var/cache/apt/archives/*.deb \
        >>"$log" 2>&1
    rm "$root.new"/var/lib/dpkg/arch "$root.new"/var/cache/apt/archives/*.deb
    for name in "${SLOW[@]}"; do install -D -m 755 <(echo '#!/bin/sh') "$root.new$name"; done
    # Their own scripts, too: Python byte-compiles its library, the others go through long lists line by line.
    for name in "$root.new"/var/lib/dpkg/info/{locales,ca-certificates,tzdata,python3.[0-9]*}.{config,postinst}; do
        if [[ -e $name ]]; then echo '#!/bin/sh' >"$name"; fi
    done
    # The host's keys, which the server's package else searches primes for. Nobody reaches it.
    if command -v ssh-keygen >/dev/null; then ssh-keygen -A -f "$root.new" >>"$log" 2>&1; fi
    install -m 755 <(printf '#!/bin/sh\nexit 101\n') "$root.new/usr/sbin/policy-rc.d" # starts nothing
    : >"$root.new/unpacked"
}

# Their own scripts make them ready, emulated. Where that is interrupted, it goes on there.
configure() {
    local name
    inside env DEBIAN_FRONTEND=noninteractive dpkg --force-unsafe-io --configure --pending >>"$log" 2>&1
    for name in "${SLOW[@]}"; do
        if [[ -e $root.new$name.distrib ]]; then
            rm -f "$root.new$name"
            dpkg-divert --root "$root.new" --quiet --local --rename --remove "$name"
        fi
    done
    rm -f "$root.new/usr/sbin/policy-rc.d"
    cp /etc/resolv.conf "$root.new/etc/resolv.conf"
    cp /etc/ssl/certs/ca-certificates.crt "$root.new/etc/ssl/certs/"
    # The machine's console, for root: nobody reaches it from outside.
    inside passwd --delete root >>"$log" 2>&1
}

# The kernel of that release, its modules, and the smallest initrd that finds a disk in the machine.
kernel() {
    local version unpacked=$root.new/kernel/unpacked
    rm -rf "$unpacked"
    dpkg-deb -x "$root.new"/kernel/linux-image-*.deb "$unpacked"
    version=$(basename "$unpacked"/boot/vmlinuz-* | sed 's/^vmlinuz-//')
    # Bookworm's has its modules in /lib, and its device trees in /usr/lib.
    if [[ -d $unpacked/lib ]]; then mkdir -p "$unpacked/usr/lib" && mv "$unpacked"/lib/* "$unpacked/usr/lib/"; fi
    mkdir -p "$root.new/usr/lib/modules"
    rm -rf "$root.new/usr/lib/modules/$version"
    mv "$unpacked/usr/lib/modules/$version" "$root.new/usr/lib/modules/"
    mv "$unpacked/boot/vmlinuz-$version" "$root.vmlinuz"
    mv "$unpacked/boot/config-$version" "$root.new/boot/"
    depmod --basedir "$root.new" "$version"
    printf '%s\n' virtio_pci virtio_mmio virtio_blk ext4 vfat nls_cp437 nls_ascii nls_iso8859-1 \
        >"$root.new/etc/initramfs-tools/modules"
    sed -i 's/^MODULES=.*/MODULES=list/' "$root.new/etc/initramfs-tools/initramfs.conf"
    inside mkinitramfs -o /kernel/initrd "$version" >>"$log" 2>&1
    mv "$root.new/kernel/initrd" "$root.initrd"
    rm -r "$root.new/kernel"
}

main() {
    local stamp
    stamp=$(sha256sum <"$here/arm64.sh")
    if [[ ! -r $root/stamp || $(<"$root/stamp") != "$stamp" ]]; then
        say "building an arm64 $suite that boots ..."
        know_arm64
        trap '(($? == 0)) || say "$suite: not built; the next try goes on there (more in $log)"' EXIT
        if [[ ! -e $root.new/unpacked ]]; then unpack; fi
        configure
        kernel
        trap - EXIT
        rm "$root.new/unpacked"
        printf '%s\n' "$stamp" >"$root.new/stamp"
        rm -rf -- "$root"
        mv -T -- "$root.new" "$root"
        say "built it in $SECONDS s, $(du -sm -- "$root" | cut -f 1) MB"
    fi
    stamp=$(cat -- "$here"/../../requirements/edge-py31[13].txt "$here/../../requirements/pip.lock" | sha256sum)
    if [[ ! -r $cache/wheels-$suite-aarch64/stamp || $(<"$cache/wheels-$suite-aarch64/stamp") != "$stamp" ]]; then
        "$here/../../setup.sh" wheelhouse "$cache/wheels-$suite-aarch64" --release "$suite" --machine aarch64
        printf '%s\n' "$stamp" >"$cache/wheels-$suite-aarch64/stamp"
    fi
}

main
