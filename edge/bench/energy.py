"""What a frame costs in energy, where the board can tell: the power controller (PMIC) of a Pi 5.

It gives current and voltage of each rail it feeds. Their sum leaves out what the USB sockets and the input stage
take, so that it is a lower bound of what a meter in the cable shows.
"""

from __future__ import annotations

import re
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Self

from edge.bench.result import Energy

if TYPE_CHECKING:
    from collections.abc import Callable

READING = re.compile(r"^\s*(\w+?)_([AV])\s+\w+\(\d+\)=([0-9.]+)[AV]\s*$", re.MULTILINE)
EVERY_S = 0.5
"""A look starts a program, which itself takes some milliseconds of one core."""


def watts(vcgencmd: str = "vcgencmd") -> float | None:
    """Of all rails now; None where the board does not tell."""
    try:
        answer = subprocess.run([vcgencmd, "pmic_read_adc"], capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_watts(answer.stdout)


def parse_watts(answer: str) -> float | None:
    """The sum over the rails that tell both current and voltage; None if none does."""
    amperes: dict[str, float] = {}
    volts: dict[str, float] = {}
    for rail, unit, value in READING.findall(answer):
        (amperes if unit == "A" else volts)[rail] = float(value)
    both = amperes.keys() & volts.keys()
    return sum(amperes[rail] * volts[rail] for rail in both) if both else None


class Meter:
    """Looks again and again in a thread, from `with` to its end. mean_w: of all looks; None without one."""

    def __init__(self, look: Callable[[], float | None], every_s: float = EVERY_S) -> None:
        self._look = look
        self._every_s = every_s
        self._seen: list[float] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="energy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._end.set()
        self._thread.join()

    @property
    def mean_w(self) -> float | None:
        return sum(self._seen) / len(self._seen) if self._seen else None

    def _run(self) -> None:
        while True:
            if (seen := self._look()) is not None:
                self._seen.append(seen)
            if self._end.wait(self._every_s):
                return


def measure_energy(
    work: Callable[[], float], idle_s: float, look: Callable[[], float | None] = watts
) -> Energy | None:
    """At rest for a while, then at work; None where the board does not tell. work: gives its frames a second.

    No time that is reported is taken meanwhile: looking at the power disturbs.
    """
    if look() is None:
        return None
    with Meter(look) as idle:
        time.sleep(idle_s)
    with Meter(look) as busy:
        fps = work()
    if idle.mean_w is None or busy.mean_w is None:
        return None
    return Energy(
        idle_w=round(idle.mean_w, 3),
        work_w=round(busy.mean_w, 3),
        frame_mj=round(1e3 * (busy.mean_w - idle.mean_w) / fps, 3),
    )
