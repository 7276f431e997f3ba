"""How the device is: what the page shows below the picture, and `/api/v1/device` tells."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from edge import __version__, board
from edge.core import Waiting
from edge.stages import LATENCY

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.core import Core
    from edge.sinks.web.hub import Hub

LOOK_EVERY_S = 10.0
"""Temperature and throttling change slowly, and to ask for the latter starts a program."""


class Stage(Struct, frozen=True):
    """A step of the loop: its mean, and the bound (of fixed buckets) within which 95 of 100 stay."""

    mean_ms: float
    p95_ms: float | None


class Device(Struct, frozen=True, kw_only=True):
    """phase, note, reduced: what the loop does, in words. up_s: since the service started.

    temperature_celsius, throttled: null where the board does not tell; throttled: which conditions hold now.
    memory_bytes: resident. load: processes that want to run, over a minute. stages: by name. latency: from the
    sensor to the end of publication, of live cameras alone.
    """

    version: str
    board: str | None
    camera: str
    model: str
    phase: str
    note: str
    reduced: tuple[str, ...]
    up_s: float
    frames: int
    dropped: int
    frames_per_s: float
    temperature_celsius: float | None
    throttled: tuple[str, ...] | None
    memory_bytes: int
    load: float
    watchers: int
    max_watchers: int
    stages: dict[str, Stage]
    latency: Stage | None
    queues: dict[str, Waiting]


class Vitals:
    """Looks at the board, every LOOK_EVERY_S at most."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looked_s: float | None = None
        self.celsius: float | None = None
        self.throttled: tuple[str, ...] | None = None
        self.board = board.model()
        self.started_s = clock()

    @property
    def up_s(self) -> float:
        return self._clock() - self.started_s

    def look(self) -> None:
        """May start a program: not for the web thread itself."""
        now_s = self._clock()
        if self._looked_s is not None and now_s - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = now_s
        self.celsius = board.temperature_celsius()
        try:
            self.throttled = board.throttling().now if self.board else None
        except OSError:
            self.throttled = None


def device(core: Core, hub: Hub, vitals: Vitals) -> Device:
    status, counts = core.state.status, core.counts
    totals = core.stages.totals()
    stages = {
        name: Stage(round(1000 * total.sum_s / total.count, 3), milliseconds(total.quantile_s(0.95)))
        for name, total in totals.items()
        if total.count
    }
    health = hub.health()
    return Device(
        version=__version__,
        board=vitals.board,
        camera=hub.camera,
        model=hub.model,
        phase=status.phase,
        note=status.note,
        reduced=status.reduced,
        up_s=round(vitals.up_s, 1),
        frames=counts.frames,
        dropped=counts.dropped,
        frames_per_s=health.frames_per_s,
        temperature_celsius=vitals.celsius if vitals.celsius is None else round(vitals.celsius, 1),
        throttled=vitals.throttled,
        memory_bytes=resident_bytes(),
        load=round(os.getloadavg()[0], 2),
        watchers=health.watchers,
        max_watchers=health.max_watchers,
        latency=stages.pop(LATENCY, None),
        stages=stages,
        queues={name: look() for name, look in core.queues.items()},
    )


def milliseconds(seconds: float) -> float | None:
    """None beyond the last bucket, of which nobody knows the end."""
    return None if seconds == float("inf") else round(1000 * seconds, 3)


def resident_bytes(statm: Path = Path("/proc/self/statm")) -> int:
    """This process's memory; 0 where the system does not tell."""
    try:
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
