"""A sink that may block (a pipe nobody reads, a slow card), behind a bounded queue and a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING

from edge.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.messages import Event, Reading
    from edge.sinks import Sink

log = logging.getLogger("mien.sinks")

WAITING_MAX = 512
CLOSE_S = 1.0


class Isolated:
    """Takes events for `sink`, which must be one that cares for events alone.

    dropped: events that gave way, the oldest first. While the sink fails, `publish` and `tell` raise its error.
    """

    def __init__(self, sink: Sink) -> None:
        self.name = type(sink).__name__
        self.dropped = 0
        self._sink = sink
        self._waiting: deque[Event] = deque()
        self._changed = threading.Condition()
        self._error: Exception | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"sink {self.name}", daemon=True)
        self._thread.start()

    def publish(self, reading: Reading) -> None:
        if reading.events or self._error is not None:  # most frames bring none, and locks cost
            self.tell(reading.events)

    def tell(self, events: Sequence[Event]) -> None:
        with self._changed:
            self._waiting.extend(events)
            while len(self._waiting) > WAITING_MAX:
                self._waiting.popleft()
                self.dropped += 1
                if self.dropped == 1:
                    log.warning("%s does not keep up: the oldest events give way", self.name)
            if events:
                self._changed.notify()
            error = self._error
        if error is not None:
            raise error.with_traceback(None)  # or it would grow with each time that it is raised

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            log.warning("%s does not take what is left: %d events", self.name, len(self._waiting))

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                events = list(self._waiting)
                self._waiting.clear()
                if not events:
                    break
            try:
                self._sink.tell(events)
            except (SinkError, BrokenPipeError) as error:
                self._ended(error)
            except Exception as error:
                log.exception("%s failed", self.name)
                self._ended(SinkError(f"{self.name}: {error}"))
            else:
                self._ended(None)
        self._sink.close()

    def _ended(self, error: Exception | None) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()
