"""What a Raspberry Pi tells of itself: its model, its temperature, and whether it is slowed down."""

from __future__ import annotations

import subprocess
from pathlib import Path

from msgspec import Struct

HOT_CELSIUS = 80.0
"""Here the firmware begins to slow the processor down (Raspberry Pi documentation, "Frequency management")."""

CONDITIONS = ("undervoltage", "frequency capped", "throttled", "soft temperature limit")
"""Bits 0 to 3 of `vcgencmd get_throttled` say which holds now, bits 16 to 19 which has held since boot."""


class Throttling(Struct, frozen=True):
    """Which of CONDITIONS hold now, and which have held since boot."""

    now: tuple[str, ...]
    since_boot: tuple[str, ...]


def model(root: Path = Path("/")) -> str | None:
    """The board's name, e.g. "Raspberry Pi 4 Model B Rev 1.4"; None where the firmware gives none."""
    try:
        return (root / "proc/device-tree/model").read_text().strip("\0\n")
    except OSError:
        return None


def temperature_celsius(root: Path = Path("/")) -> float | None:
    """The processor's temperature in degrees Celsius; None where there is no sensor."""
    try:
        return int((root / "sys/class/thermal/thermal_zone0/temp").read_text()) / 1000
    except (OSError, ValueError):
        return None


def throttling(vcgencmd: str = "vcgencmd") -> Throttling:
    """What the firmware says. Raises OSError, with words for the user, if it gives no answer."""
    try:
        answer = subprocess.run([vcgencmd, "get_throttled"], capture_output=True, text=True, timeout=5, check=True)
        return parse_throttling(answer.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise OSError("vcgencmd gives no answer") from error


def parse_throttling(answer: str) -> Throttling:
    """Of an answer such as "throttled=0x50005". Raises ValueError if it is none."""
    bits = int(answer.strip().removeprefix("throttled="), 16)

    def held(shift: int) -> tuple[str, ...]:
        return tuple(name for bit, name in enumerate(CONDITIONS) if bits >> (shift + bit) & 1)

    return Throttling(held(0), held(16))
