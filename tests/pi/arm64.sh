#!/usr/bin/env bash
# Builds an arm64 Debian that boots in a virtual machine, for tiers 4 and 5; called by setup.sh, as root.
#
#   arm64.sh CACHE SUITE    CACHE/SUITE-arm64 (the root), .vmlinuz, .initrd beside it, CACHE/wheels-SUITE-aarch64
#
# Its programs run by qemu-user while it is built, so the kernel must know what to do with them (binfmt_misc).
set -euo pipefail

here=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" && pwd)
readonly here cache=$1 suite=$2
readonly root=$cache/$suite-arm64 log=$cache/$suite-arm64.log
# Of Raspberry Pi OS what Mien and a first boot meet; Trixie's first boot is cloud-init's.
packages=systemd,systemd-sysv,systemd-timesyncd,dbus,udev,kmod,procps,iproute2,ca-certificates,python3,libstdc++6,libgomp1
packages+=,initramfs-tools,mosquitto,mosquitto-clients,sudo,openssh-server,netbase
if [[ $suite == trixie ]]; then packages+=,cloud-init,netplan.io; fi
readonly packages
# Programs that packages call to get ready: emulated they take most of the time, and no test needs what they make.
readonly SLOW='/usr/bin/py3compile /usr/sbin/update-ca-certificates'
readonly KEEP_AWAY="for name in $SLOW; do chroot \"\$1\" dpkg-divert --quiet --local --rename --add \$name
    printf '#!/bin/sh\\n' >\"\$1\$name\"; chmod 755 \"\$1\$name\"; done"
readonly GIVE_BACK="for name in $SLOW; do rm \"\$1\$name\"
    chroot \"\$1\" dpkg-divert --quiet --local --rename --remove \$name; done"

say() { printf 'pi: %s\n' "$*" >&2; }

fail() {
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

# The kernel of that release, its modules, and the smallest initrd that finds a disk in the machine.
kernel() {
    local version name
    name=$(inside apt-cache depends --important linux-image-arm64 | sed -n 's/^ *Depends: //p' | head -n 1)
    mkdir -p "$root.new/kernel"
    inside sh -c "cd /kernel && apt-get download -o APT::Sandbox::User=root $name" >>"$log" 2>&1
    dpkg-deb -x "$root.new"/kernel/linux-image-*.deb "$root.new/kernel"
    version=$(basename "$root.new"/kernel/boot/vmlinuz-* | sed 's/^vmlinuz-//')
    mkdir -p "$root.new/usr/lib/modules"
    if [[ -d $root.new/kernel/usr/lib/modules ]]; then
        mv "$root.new/kernel/usr/lib/modules/$version" "$root.new/usr/lib/modules/"
    else
        mv "$root.new/kernel/lib/modules/$version" "$root.new/usr/lib/modules/"
    fi
    mv "$root.new/kernel/boot/vmlinuz-$version" "$root.vmlinuz"
    mv "$root.new/kernel/boot/config-$version" "$root.new/boot/"
    rm -r "$root.new/kernel"
    depmod --basedir "$root.new" "$version"
    printf '%s\n' virtio_pci virtio_mmio virtio_blk ext4 vfat nls_cp437 nls_ascii nls_iso8859-1 >>"$root.new/etc/initramfs-tools/modules"
    sed -i 's/^MODULES=.*/MODULES=list/' "$root.new/etc/initramfs-tools/initramfs.conf"
    inside mkinitramfs -o /initrd "$version" >>"$log" 2>&1
    mv "$root.new/initrd" "$root.initrd"
}

main() {
    local stamp
    stamp=$(sha256sum <"$here/arm64.sh")
    if [[ ! -r $root/stamp || $(<"$root/stamp") != "$stamp" ]]; then
        say "building an arm64 $suite that boots ..."
        know_arm64
        rm -rf -- "$root.new"
        mmdebstrap --mode=root --variant=minbase --arch=arm64 --include="$packages" \
            --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
            --aptopt='Acquire::Retries "3"' --essential-hook="$KEEP_AWAY" --customize-hook="$GIVE_BACK" \
            "$suite" "$root.new" >"$log" 2>&1 ||
            fail "$suite: mmdebstrap failed: $(grep '^E:' -- "$log" | tail -n 1) (more in $log)"
        cp /etc/resolv.conf "$root.new/etc/resolv.conf"
        cp /etc/ssl/certs/ca-certificates.crt "$root.new/etc/ssl/certs/"
        kernel || fail "$suite: no kernel (more in $log)"
        # The machine's console, for root: nobody reaches it from outside.
        inside passwd --delete root >>"$log" 2>&1
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
