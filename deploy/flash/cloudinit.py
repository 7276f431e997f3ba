"""The first boot of Raspberry Pi OS Trixie: cloud-init reads three files on the boot partition.

They are JSON, which is YAML as well, so that nothing needs to be quoted by hand.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deploy.flash.wishes import Device

GROUPS = "adm,dialout,audio,netdev,video,plugdev,input,gpio,spi,i2c,render,sudo"
BEGIN = "/boot/firmware/mien/begin.sh"


def files(device: Device) -> dict[str, str]:
    """Name and content of each."""
    return {
        "user-data": "#cloud-config\n" + json.dumps(user_data(device), indent=1) + "\n",
        "network-config": json.dumps(network(device), indent=1) + "\n",
        # A new one, or a card that has booted before takes no notice of the rest.
        "meta-data": json.dumps({"instance-id": f"mien-{secrets.token_hex(8)}", "dsmode": "local"}, indent=1)
        + "\n",
    }


def user_data(device: Device) -> dict[str, Any]:
    """What the system is to be, and the one command that enables mien-firstboot.service."""
    person: dict[str, Any] = {
        "name": device.person.name,
        "groups": GROUPS,
        "shell": "/bin/bash",
        "sudo": "ALL=(ALL) NOPASSWD:ALL",
        "lock_passwd": not device.person.password_hash,
    }
    if device.person.password_hash:
        person["passwd"] = device.person.password_hash
    if device.person.ssh_key:
        person["ssh_authorized_keys"] = [device.person.ssh_key]
    return {
        "hostname": device.host,
        "manage_etc_hosts": True,
        "locale": device.locale,
        "timezone": device.timezone,
        "users": [person],
        "ssh_pwauth": bool(device.person.password_hash),
        "runcmd": [
            ["sh", "-c", "systemctl enable --now ssh || true"],
            ["sh", BEGIN, "now"],
        ],
    }


def network(device: Device) -> dict[str, Any]:
    """For netplan: the cable and, where asked for, Wi-Fi; neither is waited for."""
    table: dict[str, Any] = {"version": 2, "ethernets": {"eth0": {"dhcp4": True, "optional": True}}}
    if device.wifi is not None:
        table["wifis"] = {
            "wlan0": {
                "dhcp4": True,
                "optional": True,
                "regulatory-domain": device.wifi.country,
                "access-points": {device.wifi.ssid: {"password": device.wifi.psk}},
            }
        }
    return table
