"""What must hold before anything is changed; each check ends in one line that says what to do."""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import struct
import sys
from typing import TYPE_CHECKING, NamedTuple

from deploy.machine import Refusal

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.machine import Machine

RELEASES = {"bookworm": (3, 11), "trixie": (3, 13)}
"""Debian's releases and Raspberry Pi OS's, which carry the same names, and the Python of each."""
MACHINES = ("aarch64", "x86_64")
NEEDED_BYTES = 700_000_000
"""The environment takes 320 MB, unpacking it as much again for a moment."""


class Host(NamedTuple):
    """What is read of a machine."""

    release: str
    machine: str
    bits: int
    user: int
    python: tuple[int, int]


def look(machine: Machine) -> Host:
    """The machine that this runs on; anyone may look at what would be done."""
    root = 0
    return Host(
        release_of(machine.path("/etc/os-release")),
        platform.machine(),
        8 * struct.calcsize("P"),
        root if machine.dry else os.geteuid(),
        sys.version_info[:2],
    )


def release_of(os_release: Path) -> str:
    """Debian's code name in an os-release file; "" if there is none."""
    try:
        lines = os_release.read_text().splitlines()
    except OSError:
        return ""
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    return values.get("VERSION_CODENAME", "").strip('"')


def check_host(host: Host, command: str) -> None:
    """Raises Refusal where Mien cannot be installed."""
    if host.user != 0:
        raise Refusal(f"needs root: sudo ./setup.sh {command}")
    if host.machine not in MACHINES or host.bits != 64:
        raise Refusal(
            f"needs a 64-bit system on {' or '.join(MACHINES)}; this is {host.bits}-bit on {host.machine}:"
            " write the 64-bit Raspberry Pi OS onto the card"
        )
    if host.release not in RELEASES:
        raise Refusal(
            f"needs Raspberry Pi OS or Debian, {' or '.join(RELEASES)}; this is {host.release or 'another system'}"
        )
    if host.python != RELEASES[host.release]:
        wanted = ".".join(map(str, RELEASES[host.release]))
        raise Refusal(
            f"needs the system's own Python {wanted} on {host.release}; this is {host.python[0]}.{host.python[1]}"
        )


def check_disk(machine: Machine) -> None:
    """Raises Refusal where /opt has too little room."""
    place = machine.path("/opt")
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < NEEDED_BYTES:
        raise Refusal(f"/opt: {free / 1e6:.0f} MB are free and {NEEDED_BYTES / 1e6:.0f} MB are needed")


def check_apt(machine: Machine) -> None:
    """Raises Refusal while another program installs packages."""
    lock = machine.path("/var/lib/dpkg/lock-frontend")
    if machine.dry or not lock.exists():
        return
    with lock.open("r+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Refusal(
                "apt is locked: another program is installing packages; try again when it is done"
            ) from None
