#!/bin/sh
# Enables the service that installs Mien at the first boot. `now` starts it as well; `later` leaves that to the next boot.
set -eu
here=$(dirname "$(readlink -f "$0")")
install -D -m 755 "$here/firstboot.sh" /usr/local/lib/mien-firstboot
install -m 644 "$here/mien-firstboot.service" /etc/systemd/system/mien-firstboot.service
systemctl enable mien-firstboot.service
if [ "${1:-now}" = now ]; then systemctl start --no-block mien-firstboot.service; fi
