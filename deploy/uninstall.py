"""`setup.sh uninstall`: takes away what install brought; settings and what was recorded stay unless purged."""

from __future__ import annotations

import tomllib

from deploy import release, settings
from deploy.checks import look
from deploy.install import COMMAND, FILES, UNIT_LINK, UNITS, running
from deploy.machine import Machine, Refusal, say, succeeds

SETTINGS = ("/etc/mien", f"{UNIT_LINK}.d")
STATE = ("/var/lib/mien",)


def uninstall(machine: Machine, *, purge: bool) -> None:
    """Remove the service and the program; with purge the settings, what was recorded and the user, too."""
    if look(machine).user != 0:
        raise Refusal("needs root: sudo ./setup.sh uninstall")
    for unit in UNITS:
        take_out(machine, unit)
    leave_broker(machine)
    for name in (UNIT_LINK, *FILES.values(), COMMAND, release.PREFIX, "/run/mien"):
        machine.remove(name)
    if running(machine):
        machine.run("systemctl", "daemon-reload", what="systemctl daemon-reload")
    left = [name for name in (*SETTINGS, *STATE) if machine.path(name).exists()]
    if purge:
        clear(machine, left)
    say("uninstalled" + (f"; kept: {', '.join(left)} (--purge removes them)" if left and not purge else ""))


def leave_broker(machine: Machine) -> None:
    """Have the broker forget this device, so that Home Assistant no longer shows it; it may be away."""
    try:
        table = tomllib.loads(machine.path(settings.FILE).read_text())
    except (OSError, ValueError):
        return
    if table.get("mqtt", {}).get("enabled") is True:
        try:
            machine.run(
                f"{release.CURRENT}/venv/bin/mien", "mqtt", "forget", "--config", settings.FILE, what="mqtt"
            )
        except Refusal as refusal:
            say(f"the broker still shows this device: {refusal}")


def take_out(machine: Machine, unit: str) -> None:
    """Stop a unit and have it no longer start at boot, if it is there."""
    if running(machine) and succeeds("systemctl", "cat", unit):
        machine.run("systemctl", "stop", unit, what=f"stopping {unit}")
    machine.remove(f"/etc/systemd/system/multi-user.target.wants/{unit}")


def clear(machine: Machine, left: list[str]) -> None:
    """What the owner might have wanted to keep, and the user whose it was."""
    for name in left:
        machine.remove(name)
    if succeeds("getent", "passwd", "mien"):
        machine.run("userdel", "mien", what="userdel")
