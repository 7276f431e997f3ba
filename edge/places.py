"""Where a service keeps what it must not lose, and where it can be spoken to: as systemd says, else as XDG does."""

from __future__ import annotations

import os
from pathlib import Path

RUN = Path("/run/mien")
"""RuntimeDirectory=mien; commands look here for a service that runs as another user."""


def state_folder() -> Path:
    """For files that outlive a restart; it need not exist yet."""
    if folder := os.environ.get("STATE_DIRECTORY"):
        return Path(folder.split(":")[0])
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local/state") / "mien"


def runtime_folder() -> Path | None:
    """For the control socket; None where the system has no such place for this user."""
    if folder := os.environ.get("RUNTIME_DIRECTORY"):
        return Path(folder.split(":")[0])
    if folder := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(folder) / "mien"
    return None


def control_sockets() -> list[Path]:
    """Where a command looks for a running service, the nearest first."""
    own = runtime_folder()
    return [folder / "control.sock" for folder in dict.fromkeys((own, RUN)) if folder is not None]
