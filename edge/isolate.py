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

    dropped: events that gave way, the oldest first. What the sink raised is raised by the next `publish` or `tell`.
    """

    def __init__(self, sink: Sink) -> None:
        self.dropped = 0
        self._sink = sink
        self._waiting: deque[Event] = deque()
        self._changed = threading.Condition()
        self._error: Exception | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"sink {type(sink).__name__}", daemon=True)
        self._thread.start()

    def publish(self, reading: Reading) -> None:
        self.tell(reading.events)

    def tell(self, events: Sequence[Event]) -> None:
        with self._changed:
            self._waiting.extend(events)
            while len(self._waiting) > WAITING_MAX:
                self._waiting.popleft()
                self.dropped += 1
                if self.dropped == 1:
                    log.warning("%s does not keep up: the oldest events give way", type(self._sink).__name__)
            if events:
                self._changed.notify()
            error, self._error = self._error, None
        if error is not None:
            raise error

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            log.warning("%s does not take what is left: %d events", type(self._sink).__name__, len(self._waiting))

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
                self._failed(error)
            except Exception as error:
                log.exception("%s failed", type(self._sink).__name__)
                self._failed(SinkError(f"{type(self._sink).__name__}: {error}"))
        self._sink.close()

    def _failed(self, error: Exception) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()
