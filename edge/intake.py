"""The source that is open, or the attempts to open it again: later and later, until it is back."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from typing import TYPE_CHECKING

from edge.errors import SourceError, StuckError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge.core import Counts
    from edge.sources import Source
    from edge.sources.pace import Clock

log = logging.getLogger("mien.service")

REOPEN_FIRST_S, REOPEN_MAX_S = 1.0, 30.0
OPEN_S = 30.0
"""A driver that takes longer to open a camera hangs; slow ones take 5 s."""
STUCK_S = 15.0
"""A call that has not come back after this never will: OpenCV gives a V4L2 camera up after 10 s."""
STUCK_PRIVATE_S = 3.0
"""And so long it may keep a camera open that has to be closed for privacy."""


class Intake:
    """Opens and closes the source; the loop asks. `close` is also called by whoever switches privacy on.

    open_source: gives an open source or raises SourceError.
    """

    def __init__(self, open_source: Callable[[], Source], clock: Clock, counts: Counts) -> None:
        self.source: Source | None = None
        self.note = ""
        self._open_source = open_source
        self._clock = clock
        self._counts = counts
        self._dropped_before = 0
        self._wait_s = REOPEN_FIRST_S
        self._due_s = clock.monotonic()
        self._closing: Source | None = None
        self._closing_since_s = 0.0
        self._lock = threading.Lock()

    def open(self) -> Source:
        """The open source. Raises SourceError; ends the process if the driver hangs."""
        with ends_after(OPEN_S, "the camera's driver hangs while it is opened"):
            source = self._open_source()
        with self._lock:
            self.source = source
        self.note = source.name
        return source

    def replace(self, open_source: Callable[[], Source]) -> None:
        """From now on this is the source; the one that is open is closed."""
        self.close()
        self._open_source = open_source
        self._wait_s, self._due_s = REOPEN_FIRST_S, self._clock.monotonic()

    def lose(self, error: SourceError) -> None:
        """The source failed: close it and wait before it is opened again."""
        self._counts.lost += 1
        self.note = str(error)
        self.close()
        self._later()
        log.error("%s: trying again in %.0f s", error, self._due_s - self._clock.monotonic())

    def has_frames(self) -> None:
        """The source gave a frame, so that the next loss is a new one."""
        self._wait_s = REOPEN_FIRST_S
        if self.source is not None:
            self._counts.dropped = self._dropped_before + self.source.dropped

    def close(self) -> None:
        """Let go of the source, if one is open. From any thread; see `is_closed`."""
        with self._lock:
            source, self.source = self.source, None
            if source is not None:
                self._closing, self._closing_since_s = source, self._clock.monotonic()
        if source is not None:
            self._dropped_before += source.dropped
            self._finish(source)

    def is_closed(self, within_s: float = STUCK_S) -> bool:
        """Whether no device is held any more. Raises StuckError if it has been too long."""
        source = self._closing
        if source is None or self._finish(source):
            return True
        waited_s = self._clock.monotonic() - self._closing_since_s
        if waited_s >= within_s:
            raise StuckError(
                f"{source.name}: its driver has not answered for {waited_s:.0f} s: ends to be started again"
            )
        return False

    def open_if_due(self) -> bool:
        """Whether the source is open again, if it was time to try. Raises StuckError."""
        if self._clock.monotonic() < self._due_s or not self.is_closed():
            return False
        try:
            source = self.open()
        except SourceError as error:
            self.note = str(error)
            self._later()
            log.debug("%s", error)
            return False
        self._counts.reopened += 1
        log.info("%s is open again", source.name)
        return True

    def at_once(self) -> None:
        """The next attempt need not wait."""
        self._wait_s, self._due_s = REOPEN_FIRST_S, self._clock.monotonic()

    def _later(self) -> None:
        # Until a frame comes: a camera that opens and gives nothing is not hammered.
        self._due_s = self._clock.monotonic() + self._wait_s
        self._wait_s = min(2 * self._wait_s, REOPEN_MAX_S)

    def _finish(self, source: Source) -> bool:
        closed = source.close()
        if closed and self._closing is source:
            self._closing = None
        return closed


@contextlib.contextmanager
def ends_after(seconds: float, why: str) -> Iterator[None]:
    """Ends the process if what is inside takes longer: a call into a driver cannot be cancelled."""

    def end() -> None:
        log.critical("%s: ends to be started again", why)
        os._exit(StuckError.status)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
