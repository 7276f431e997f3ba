"""The first boot of a card that `setup.sh flash` prepared: installs Mien, and writes onto the card how it goes."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from deploy import install, machine, purpose
from deploy.machine import Machine, Refusal, say, write_whole

STATUS = "mien-status.txt"
CLOCK_WAIT_S = 120
SPENT = b"# Mien's first boot is over; what stood here is wiped.\n"
WIPED = {"user-data": b"#cloud-config\n{}\n" + SPENT, "network-config": SPENT, "mien/settings.json": b""}
"""After success: what held secrets on the boot partition, and what is there instead."""
UNIT = "/etc/systemd/system/mien-firstboot.service"
LEFT = (UNIT, "/etc/systemd/system/multi-user.target.wants/mien-firstboot.service", "/usr/local/lib/mien-firstboot")


class Status:
    """mien-status.txt: a line for each step, whatever may become of the next one."""

    def __init__(self, boot: Path) -> None:
        self._path = boot / STATUS

    def __call__(self, words: str) -> None:
        line = f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {words}\n"
        before = self._path.read_bytes() if self._path.is_file() else b""
        write_whole(self._path, (before + line.encode())[-20_000:], 0o644)


def main(boot: Path) -> int:
    machine.listeners.append(Status(boot))
    say("installing Mien")
    try:
        told = read(boot)
        if not told["offline"]:
            wait_for_clock()
        carry_out(boot, told)
    except Refusal as refusal:
        say(f"failed: {refusal}; tries again in 30 s, and at every boot")
        return 1
    wipe(boot)
    say("done: Mien runs")
    return 0


def read(boot: Path) -> dict[str, Any]:
    """The settings on the boot partition. Raises Refusal."""
    try:
        told: dict[str, Any] = json.loads((boot / "mien/settings.json").read_text())
        return {key: told[key] for key in ("purpose", "changes", "offline", "mqtt_password", "token_hash")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refusal(f"mien/settings.json on the boot partition cannot be read: {error}") from error


def wait_for_clock() -> None:
    """A board without a clock begins in the past, where no certificate is valid yet."""
    say("waiting for network and time")
    until = time.monotonic() + CLOCK_WAIT_S
    command = ("timedatectl", "show", "--property=NTPSynchronized", "--value")
    while time.monotonic() < until:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.stdout.strip() == "yes":
            return
        time.sleep(2)
    say("the time is not set yet: trying all the same")


def carry_out(boot: Path, told: dict[str, Any]) -> None:
    """Run the installation. Raises Refusal."""
    host = Machine()
    host.write(purpose.FILE, told["purpose"])
    wheelhouse = boot / "mien/wheels" if told["offline"] else None
    with tempfile.NamedTemporaryFile("w") as password:
        password.write(told["mqtt_password"])
        password.flush()
        wishes = install.Wishes(
            changes=tuple(told["changes"]),
            wheelhouse=wheelhouse,
            mqtt_password=Path(password.name) if told["mqtt_password"] else None,
            lan=bool(told["token_hash"]),
            token_hash=told["token_hash"] or None,
        )
        with host.alone():
            install.install(host, wishes)


def wipe(boot: Path) -> None:
    """Take the secrets off the boot partition, and this service off the system."""
    for name, content in WIPED.items():
        path = boot / name
        if path.is_file():
            spent = path.replace(path.with_name("spent"))
            if content:
                write_whole(path, content, 0o644)
            spent.write_bytes(b"\0" * spent.stat().st_size)  # a card may keep the old bytes all the same
            spent.unlink()
    host = Machine()
    for name in LEFT:
        host.remove(name)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
