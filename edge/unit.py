"""The doctor inside the unit of the service: with its user, its devices and its walls, beside the running one."""

from __future__ import annotations

import subprocess
from pathlib import Path

from edge.errors import ControlError

NAME = "mien-doctor.service"
FILE = Path("/run/systemd/system") / NAME
OUTPUT = Path("/run/mien-doctor.txt")
EXAMINE = "/opt/mien/current/venv/bin/mien doctor --config /etc/mien/mien.toml"
NOT_TAKEN = ("Type=", "Exec", "WatchdogSec=", "Restart", "RuntimeDirectory", "NotifyAccess=", "Nice=")
"""What makes a unit the service. RuntimeDirectory would be emptied under it."""


def unit_like(text: str) -> str:
    """The unit of a look from inside, from what `systemctl cat` says of the service."""
    section, kept = "", ["[Service]"]
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith(("#", *NOT_TAKEN)):
            kept.append(line)
    own = ["Type=oneshot", f"ExecStart={EXAMINE}", "SuccessExitStatus=1", f"StandardOutput=truncate:{OUTPUT}"]
    return "\n".join([*kept, *own]) + "\n"


def examine_inside() -> str:
    """What the doctor says there. Raises ControlError where there is no such unit, or no root."""
    try:
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_text(unit_like(_systemctl("cat", "mien.service")))
        _systemctl("daemon-reload")
        _systemctl("start", NAME)
        return OUTPUT.read_text()
    except PermissionError as error:
        raise ControlError("looking into the unit needs root: sudo mien doctor --unit") from error
    except OSError as error:
        raise ControlError(f"{error.filename}: {error.strerror}") from error
    finally:
        if FILE.exists():
            FILE.unlink()
            OUTPUT.unlink(missing_ok=True)
            subprocess.run(["systemctl", "daemon-reload"], check=False)


def _systemctl(*words: str) -> str:
    try:
        done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ControlError("no systemd here, and so no unit to look into") from error
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        raise ControlError(f"systemctl {' '.join(words)}: {said[-1]}")
    return done.stdout
