"""How much is done for a frame: less under load or heat, in one defined order. Its only clock are the frames'."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from edge.config import AdaptConfig

STEPS = ("detection_half", "detection_quarter", "one_crop", "rate_half", "rate_quarter")
"""What is given up, the first first: looking for faces is dear and faces move little between two frames; the
emotions of several faces can wait their turn; the rate goes last. What was given up last comes back first."""

UP_AFTER_S, DOWN_AFTER_S = 3.0, 20.0
SPARE_SHARE = 0.4
"""A step is taken back where the work takes less than this share of what it may: each step about halves it."""
COOLER_CELSIUS = 5.0
SMOOTH_S = 1.0


class Plan(Struct, frozen=True):
    """What is done for the frames to come.

    detect_every: faces are looked for in one frame of so many. crops: faces classified in a frame, at most.
    frame_every: one frame of so many is looked at at all.
    """

    detect_every: int
    crops: int
    frame_every: int


class Effort:
    """Which step holds."""

    def __init__(self, config: AdaptConfig) -> None:
        self._config = config
        self._level = 0
        self._load = 0.0
        self._hot = False
        self._trend = 0
        self._time_s: float | None = None
        self._since_s: float | None = None
        self.plan = self._plan()

    @property
    def reduced(self) -> tuple[str, ...]:
        """The steps taken, in their order."""
        return STEPS[: self._level]

    def worked(self, time_s: float, busy_s: float) -> None:
        """The frame of this time took so long to be worked on; frames of a live source alone.

        A source that waits for nobody gives the newest frame: where the work takes longer than a frame lasts, the
        times from frame to frame become as long as the work, and the load comes near 1.
        """
        passed_s = 0.0 if self._time_s is None else time_s - self._time_s
        self._time_s = time_s
        if passed_s <= 0:  # the first frame, or another source's clock
            self._since_s = None
            return
        load = min(1.0, busy_s / passed_s)
        self._load += (load - self._load) * min(1.0, passed_s / SMOOTH_S)
        self._settle(time_s)

    def heat(self, celsius: float | None, *, throttled: bool) -> None:
        """The processor is so warm, and whether it is slowed down for that."""
        limit = self._config.hot_celsius
        if limit == 0:
            self._hot = False
        elif throttled or (celsius is not None and celsius >= limit):
            self._hot = True
        elif celsius is None or celsius < limit - COOLER_CELSIUS:
            self._hot = False

    def _settle(self, time_s: float) -> None:
        most = self._config.max_load
        if self._hot or 0 < most < self._load:
            trend = 1
        else:
            trend = -1 if most == 0 or self._load < SPARE_SHARE * most else 0
        if self._since_s is None or trend != self._trend:
            self._since_s, self._trend = time_s, trend
        elif trend and time_s - self._since_s >= (UP_AFTER_S if trend > 0 else DOWN_AFTER_S):
            self._level = min(max(self._level + trend, 0), len(STEPS))
            self._since_s = time_s
            self.plan = self._plan()

    def _plan(self) -> Plan:
        taken = self.reduced
        return Plan(
            detect_every=self._config.detect_every * (4 if STEPS[1] in taken else 2 if STEPS[0] in taken else 1),
            crops=1 if STEPS[2] in taken else self._config.crops_per_frame,
            frame_every=4 if STEPS[4] in taken else 2 if STEPS[3] in taken else 1,
        )
