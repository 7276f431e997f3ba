"""What the service watches in itself and the machine: resident memory, temperature, throttling."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
from pathlib import Path
from typing import NamedTuple

LOOK_EVERY_S = 2.0
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
THROTTLED_BITS = 0b1110
"""Of get_throttled: frequency capped, throttled, soft temperature limit, now (edge/board.py names them)."""
THROTTLED_FILES = "sys/devices/platform/soc*/soc*firmware/get_throttled"
"""Where Raspberry Pi's kernel shows it without vcgencmd."""


class Vitals(NamedTuple):
    """rss_bytes: resident memory, 0 if unknown. celsius: of the warmest zone, None where there is no sensor."""

    rss_bytes: int
    celsius: float | None
    throttled: bool


def look(root: Path = Path("/")) -> Vitals:
    """How things are now; some file reads, no program is started."""
    return Vitals(resident_bytes(root), warmest_celsius(root), is_throttled(root))


def resident_bytes(root: Path = Path("/")) -> int:
    """Of this process; 0 if the system does not say."""
    try:
        return int((root / "proc/self/statm").read_text().split()[1]) * PAGE_BYTES
    except (OSError, ValueError, IndexError):
        return 0


def give_back() -> None:
    """Return to the system what lies free in this process: worth it after a model, sinks or a camera were let go.

    The C library keeps freed pieces between used ones for ever: resident memory went up by 10 MB over some reloads
    (docs/FAULTS.md). Takes some 20 ms; where the library is not glibc, only Python's own memory is freed.
    """
    gc.collect()
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def warmest_celsius(root: Path = Path("/")) -> float | None:
    """Of all thermal zones; None where there is none that answers."""
    temperatures = []
    for file in (root / "sys/class/thermal").glob("thermal_zone*/temp"):
        try:
            temperatures.append(int(file.read_text()) / 1000)
        except (OSError, ValueError):
            continue
    return max(temperatures, default=None)


def is_throttled(root: Path = Path("/")) -> bool:
    """Whether the firmware slows the processor down now; False where it does not say."""
    for file in root.glob(THROTTLED_FILES):
        try:
            return bool(int(file.read_text().strip(), 16) & THROTTLED_BITS)
        except (OSError, ValueError):
            continue
    return False
