"""The first boot of Raspberry Pi OS Bookworm: the kernel's command line names a script on the boot partition.

The script has no network yet. It uses the system's own helpers where they are (raspberrypi-sys-mods, userconf-pi)
and does the same by hand where they are not.
"""

from __future__ import annotations

import re
from shlex import quote
from typing import TYPE_CHECKING

from deploy.machine import Refusal

if TYPE_CHECKING:
    from deploy.flash.wishes import Device, Person, Wifi

SCRIPT = "firstrun.sh"
WORDS = (
    "systemd.run=/boot/firmware/firstrun.sh",
    "systemd.run_success_action=reboot",
    "systemd.unit=kernel-command-line.target",
)
HELPER = "/usr/lib/raspberrypi-sys-mods/imager_custom"


def command_line(text: str) -> str:
    """cmdline.txt with the words that start the script; one line, as the firmware wants it. Raises Refusal."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) != 1:
        raise Refusal(f"cmdline.txt has {len(lines)} lines and must have one")
    kept = [word for word in lines[0].split() if not re.match(r"systemd\.(run|run_success_action|unit)=", word)]
    return " ".join([*kept, *WORDS]) + "\n"


def script(device: Device) -> str:
    """firstrun.sh. Any step may have been done by an earlier try that a power cut ended."""
    return "\n".join(
        [
            "#!/bin/bash",
            "# Sets this system up before it has a network, enables mien-firstboot.service, and is gone.",
            "set +e",
            'boot=$(dirname "$(readlink -f "$0")")',
            *host(device.host),
            *person(device.person),
            *(wifi(device.wifi) if device.wifi else []),
            *place(device),
            'sh "$boot/mien/begin.sh" later',
            *END,
        ]
    )


END = (
    # cmdline.txt last and as a whole: until then the next boot begins again.
    "sed 's| systemd\\.run=[^ ]*||; s| systemd\\.run_success_action=[^ ]*||; s| systemd\\.unit=[^ ]*||' \\",
    '    "$boot/cmdline.txt" >"$boot/cmdline.new" && sync && mv -f "$boot/cmdline.new" "$boot/cmdline.txt"',
    'rm -f "$boot/firstrun.sh"',
    "sync",
    "exit 0",
    "",
)


def host(name: str) -> list[str]:
    """The host's name."""
    return [
        f"if [ -x {HELPER} ]; then {HELPER} set_hostname {name}; else",
        f"    echo {name} >/etc/hostname",
        f"    grep -q '^127.0.1.1' /etc/hosts && sed -i 's/^127.0.1.1.*/127.0.1.1\\t{name}/' /etc/hosts ||",
        f"        printf '127.0.1.1\\t{name}\\n' >>/etc/hosts",
        "fi",
    ]


def person(who: Person) -> list[str]:
    """The user: the image's first one is renamed, or a new one made."""
    name, password, key = who.name, quote(who.password_hash or "*"), quote(who.ssh_key)
    lines = [
        f"user=$(getent passwd {name} | cut -d: -f1); user=${{user:-$(getent passwd 1000 | cut -d: -f1)}}",
        f'if [ "$user" != {name} ] && [ -x /usr/lib/userconf-pi/userconf ]; then',
        f"    /usr/lib/userconf-pi/userconf {name} {password}",
        'elif [ -z "$user" ]; then',
        f"    useradd --create-home --shell /bin/bash {name}",
        f'elif [ "$user" != {name} ]; then',
        f'    usermod --login {name} --home /home/{name} --move-home "$user"; groupmod --new-name {name} "$user"',
        "fi",
        f"usermod --password {password} {name}",
        f"for group in sudo adm dialout audio video plugdev input netdev; do usermod -aG $group {name}; done",
        f"printf '%s ALL=(ALL) NOPASSWD: ALL\\n' {name} >/etc/sudoers.d/010_{name}",
        f"chmod 440 /etc/sudoers.d/010_{name}",
        "systemctl enable ssh",
    ]
    if who.ssh_key:
        lines += [
            f"home=$(getent passwd {name} | cut -d: -f6)",
            f'install -d -m 700 -o {name} -g {name} "$home/.ssh"',
            f"printf '%s\\n' {key} >\"$home/.ssh/authorized_keys\"",
            f'chown {name}: "$home/.ssh/authorized_keys"; chmod 600 "$home/.ssh/authorized_keys"',
        ]
    if not who.password_hash:
        lines.append(
            "mkdir -p /etc/ssh/sshd_config.d; echo 'PasswordAuthentication no' >/etc/ssh/sshd_config.d/mien.conf"
        )
    return lines


def wifi(net: Wifi) -> list[str]:
    """A connection of NetworkManager, for its file alone; the radio's country by the system's helpers."""
    profile = (
        f"[connection]\nid=mien\ntype=wifi\nautoconnect=true\n[wifi]\nmode=infrastructure\nssid={ssid(net.ssid)}\n"
        f"[wifi-security]\nkey-mgmt=wpa-psk\npsk={net.psk}\n[ipv4]\nmethod=auto\n[ipv6]\nmethod=auto\n"
    )
    return [
        f"if [ -x {HELPER} ]; then {HELPER} set_wlan {quote(net.ssid)} {net.psk} {net.country}; else",
        "    folder=/etc/NetworkManager/system-connections; mkdir -p $folder",
        f"    (umask 077; printf '%s' {quote(profile)} >$folder/mien.nmconnection)",
        f"    command -v raspi-config >/dev/null && raspi-config nonint do_wifi_country {net.country}",
        "    rfkill unblock wifi 2>/dev/null",
        "fi",
    ]


def ssid(name: str) -> str:
    """As NetworkManager's file takes any bytes: their numbers."""
    return "".join(f"{byte};" for byte in name.encode())


def place(device: Device) -> list[str]:
    """Time zone and language."""
    return [
        f"ln -sf /usr/share/zoneinfo/{device.timezone} /etc/localtime; echo {device.timezone} >/etc/timezone",
        f"printf 'LANG=%s\\n' {device.locale} >/etc/default/locale",
        f"[ -f /etc/locale.gen ] && sed -i 's/^# *\\({device.locale} \\)/\\1/' /etc/locale.gen && locale-gen",
    ]
