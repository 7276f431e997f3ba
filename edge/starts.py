"""How often the service was started, counted beside its other state: a process that was killed can tell nobody."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from edge.privacy import write_whole

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger("mien.starts")

FILE_NAME = "starts"
DIGITS_MAX = 18


def count_start(folder: Path) -> int:
    """Which start this is, from 1; 0 if it cannot be counted, and then the log says why.

    A service manager (STATE_DIRECTORY) has to keep the folder: nobody restarts what is run by hand.
    """
    if not os.environ.get("STATE_DIRECTORY"):
        return 0
    path = folder / FILE_NAME
    try:
        said = path.read_bytes().strip() if path.exists() else b""
        # What is no number, after a disk failed, is begun anew: nothing depends on it.
        number = int(said) + 1 if said.isdigit() and len(said) <= DIGITS_MAX else 1
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, b"%d\n" % number)
    except OSError as error:
        log.warning("%s: this start is not counted: %s", path, error.strerror)
        return 0
    return number
