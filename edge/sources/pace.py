"""Time for sources: a clock that tests can replace, and the pace at which clips and the demo are played."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import threading

MAX_SKIP_S = 1.0
"""So much may be left out at a time; a machine that is slower still plays slowly rather than shows nothing."""


class Clock(Protocol):
    """The three things that a source asks of time; edge/sources/fake.py has one that does not pass by itself."""

    def monotonic(self) -> float:
        """Seconds for durations."""
        ...

    def epoch(self) -> float:
        """Seconds since 1970."""
        ...

    def wait(self, event: threading.Event, timeout_s: float) -> None:
        """Let time pass until the event is set, at most so long."""
        ...


class SystemClock:
    """The machine's own time."""

    def monotonic(self) -> float:
        return time.monotonic()

    def epoch(self) -> float:
        return time.time()

    def wait(self, event: threading.Event, timeout_s: float) -> None:
        event.wait(timeout_s)


class Pace:
    """Says when a frame of a recording is due, as if it were played; with `realtime` off all are due at once.

    Positions are seconds from the beginning and only grow.
    """

    def __init__(self, clock: Clock, *, realtime: bool) -> None:
        self._clock = clock
        self._realtime = realtime
        self._began_s: float | None = None
        self._shown_s = 0.0

    def is_late(self, position_s: float, duration_s: float) -> bool:
        """True if the frame after this one is due already, so that this one is better dropped."""
        if not self._realtime:
            return False
        now_s = self._clock.monotonic()
        if self._began_s is None:
            self._began_s, self._shown_s = now_s - position_s, position_s
        if now_s - self._began_s - position_s < duration_s:
            return False
        if position_s - self._shown_s < MAX_SKIP_S:
            return True
        self._began_s = now_s - position_s
        return False

    def wait(self, position_s: float, closed: threading.Event) -> bool:
        """Let time pass until the frame is due; False if the source was closed meanwhile."""
        self._shown_s = position_s
        if self._realtime:
            if self._began_s is None:
                self._began_s = self._clock.monotonic() - position_s
            early_s = self._began_s + position_s - self._clock.monotonic()
            if early_s > 0:
                self._clock.wait(closed, early_s)
        return not closed.is_set()

    def clock_s(self, position_s: float) -> float:
        """The position on the clock that the recording is played by; the position itself if it is not."""
        return position_s if self._began_s is None else self._began_s + position_s
