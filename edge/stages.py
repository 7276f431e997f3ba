"""How long each stage takes: histograms with fixed buckets, cheap enough for every frame, never growing.

The loop's thread adds, any thread reads: a reader may see a frame's stages without its last one, never less than
it saw before.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable

STAGES = ("capture", "detect", "track", "crop", "classify", "decide", "publish")
"""`capture` includes the wait for the camera; `crop` and `classify` count each face, the others each frame."""
LATENCY = "latency"
"""From the sensor's time stamp to the end of publication; of live sources alone."""
BOUNDS_S = (
    *(0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.033, 0.05, 0.067, 0.1),
    *(0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0),
)
"""Upper ends of the buckets, in seconds; what is longer falls into one more."""


class Totals(Struct, frozen=True):
    """One histogram at a moment.

    buckets: how many took at most each of BOUNDS_S (cumulative, as Prometheus wants it); the last one is all.
    """

    buckets: tuple[int, ...]
    count: int
    sum_s: float

    def quantile_s(self, share: float) -> float:
        """The upper end of the bucket in which this share of all lies; infinity in the last, 0 where none is."""
        wanted = share * self.count
        for bound_s, below in zip((*BOUNDS_S, float("inf")), self.buckets, strict=True):
            if self.count and below >= wanted:
                return bound_s
        return 0.0


class Histogram:
    """Durations of one stage."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_S) + 1)
        self._sum_s = 0.0

    def add(self, seconds: float) -> None:
        """Negative ones (a clock that was set) count as 0."""
        seconds = max(seconds, 0.0)
        self._counts[bisect_left(BOUNDS_S, seconds)] += 1
        self._sum_s += seconds

    def count_and_sum_s(self) -> tuple[int, float]:
        return sum(self._counts), self._sum_s

    def totals(self) -> Totals:
        buckets, below = [], 0
        for count in list(self._counts):
            below += count
            buckets.append(below)
        return Totals(tuple(buckets), below, self._sum_s)


class Stages:
    """A histogram for every stage, and one for the latency."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._histograms = {name: Histogram() for name in (*STAGES, LATENCY)}

    def now(self) -> float:
        """The start of a stage."""
        return self._clock()

    def passed(self, stage: str, since_s: float) -> float:
        """The end of a stage that began then, and the start of the next."""
        now_s = self._clock()
        self._histograms[stage].add(now_s - since_s)
        return now_s

    def add(self, stage: str, seconds: float) -> None:
        """A duration measured elsewhere."""
        self._histograms[stage].add(seconds)

    def count_and_sum_s(self, stage: str) -> tuple[int, float]:
        """Of one alone, without its buckets: for who asks often."""
        return self._histograms[stage].count_and_sum_s()

    def totals(self) -> dict[str, Totals]:
        """All of them now, for metrics."""
        return {name: histogram.totals() for name, histogram in self._histograms.items()}
