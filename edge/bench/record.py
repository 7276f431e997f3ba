"""Keeps every single time of a stage, where the service keeps histograms."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from edge.stages import LATENCY, STAGES, Stages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

END_TO_END = "end_to_end"
QUANTILES = (50, 90, 95, 99)
CURVE = range(0, 101, 2)
"""The percentiles that a picture of the distribution is drawn from."""


class Timing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long something took in `n` frames, in milliseconds: percentiles by nearest rank."""

    n: int
    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


class Recorder(Stages):
    """The service's stages, which also keep each frame's times from `begin` on: seconds, one a frame and stage.

    `crop` and `classify` are summed over a frame's faces. END_TO_END is from the moment that a frame is asked for
    to the end of its publication; of a live source LATENCY counts instead, for END_TO_END waits for the camera.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        super().__init__(clock)
        self.times: dict[str, list[float]] = {}
        self._frame: dict[str, float] = {}
        self._asked_s = 0.0
        self.begin()

    def begin(self) -> None:
        """Forget what was: the warm-up is over."""
        self.times = {name: [] for name in (*STAGES, LATENCY, END_TO_END)}
        self._frame = {}

    def passed(self, stage: str, since_s: float) -> float:
        now_s = super().passed(stage, since_s)
        if stage == "capture":
            self._frame, self._asked_s = {}, since_s
        self._frame[stage] = self._frame.get(stage, 0.0) + now_s - since_s
        if stage == "publish":
            for name, seconds in self._frame.items():
                self.times[name].append(seconds)
            self.times[END_TO_END].append(now_s - self._asked_s)
        return now_s

    def add(self, stage: str, seconds: float) -> None:
        super().add(stage, seconds)
        self.times[stage].append(seconds)


def timing(seconds: Sequence[float]) -> Timing:
    """Of at least one time."""
    values = [_ms(value) for value in np.percentile(seconds, QUANTILES, method="inverted_cdf")]
    p50, p90, p95, p99 = values
    return Timing(n=len(seconds), p50_ms=p50, p90_ms=p90, p95_ms=p95, p99_ms=p99, max_ms=_ms(max(seconds)))


def curve(seconds: Sequence[float]) -> list[float]:
    """Milliseconds at the percentiles of CURVE."""
    return [_ms(value) for value in np.percentile(seconds, list(CURVE), method="inverted_cdf")]


def _ms(seconds: float) -> float:
    return round(1e3 * float(seconds), 4)
