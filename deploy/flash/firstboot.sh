#!/bin/sh
# Run by mien-firstboot.service: takes the project from the boot partition and hands over to it.
set -eu
boot=/boot/firmware
[ -d "$boot/mien" ] || boot=/boot
work=/var/lib/mien-firstboot
rm -rf "$work/new"
mkdir -p "$work/new"
tar -xzf "$boot/mien/mien.tar.gz" -C "$work/new"
rm -rf "$work/source"
mv "$work/new" "$work/source"
exec env PYTHONPATH="$work/source" /usr/bin/python3 -P -s -B -m deploy.firstboot "$boot"
