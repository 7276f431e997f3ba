"""Which phase the loop is in: one place that events, sd_notify, metrics and commands read."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from msgspec import Struct

from edge.messages import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("mien.state")


class Status(Struct, frozen=True):
    """The loop at one moment.

    note: a line for people, e.g. the source's name or what is waited for.
    since_s: when this phase began, on time.monotonic().
    reduced: what is done more rarely for want of time or because of heat, in the order it was given up.
    """

    phase: Phase
    note: str = ""
    since_s: float = 0.0
    reduced: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """As `systemctl status` shows it."""
        reduced = f" (reduced: {', '.join(self.reduced)})" if self.reduced else ""
        return f"{self.phase}{f', {self.note}' if self.note else ''}{reduced}"


class LoopState:
    """Holds the Status. The loop's thread changes it; any thread reads it.

    entered: how often each phase was entered.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._status = Status(Phase.STARTING, since_s=clock())
        self._hooks: list[Callable[[Status], None]] = []
        self.entered = dict.fromkeys(Phase, 0) | {Phase.STARTING: 1}

    @property
    def status(self) -> Status:
        return self._status

    @property
    def phase(self) -> Phase:
        return self._status.phase

    def subscribe(self, hook: Callable[[Status], None]) -> None:
        """Call with each new Status, in the loop's thread: it must not block."""
        self._hooks.append(hook)

    def enter(self, phase: Phase, note: str = "") -> None:
        """The loop is in this phase from now on; nothing happens where phase and note are the same."""
        now = self._status
        if (phase, note) == (now.phase, now.note):
            return
        since_s = now.since_s if phase is now.phase else self._clock()
        self.entered[phase] += phase is not now.phase
        self._become(Status(phase, note, since_s, now.reduced))

    def reduce(self, reduced: tuple[str, ...]) -> None:
        """This is done more rarely from now on; () for nothing."""
        now = self._status
        if reduced != now.reduced:
            self._become(Status(now.phase, now.note, now.since_s, reduced))

    def wait_for(self, phase: Phase, timeout_s: float) -> bool:
        """Whether the loop is in this phase, waiting for it so long at most. Not for the loop's own thread."""
        with self._changed:
            return self._changed.wait_for(lambda: self._status.phase is phase, timeout_s)

    def _become(self, status: Status) -> None:
        with self._changed:
            self._status = status
            self._changed.notify_all()
        for hook in self._hooks:
            try:
                hook(status)
            except Exception:
                log.exception("a listener failed on %s", status.line)
