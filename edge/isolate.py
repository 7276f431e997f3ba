"""A sink that may block (a pipe nobody reads, a slow card), behind a bounded queue and a thread of its own."""

from __future__ import annotations

import logging
import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from edge.core import Waiting
from edge.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.core import Core
    from edge.messages import Event, Reading
    from edge.sinks import Sink

log = logging.getLogger("mien.sinks")

WAITING_MAX = 512
CLOSE_S = 1.0


class Isolated:
    """Takes events for `sink`, which must be one that cares for events alone.

    dropped: events that gave way, the oldest first. While the sink fails, `publish` and `tell` raise its error.
    """

    def __init__(self, sink: Sink, core: Core) -> None:
        self.name = type(sink).__name__
        self.dropped = 0
        self._sink = sink
        self._waiting: SimpleQueue[Event | None] = SimpleQueue()  # None: there will be no more
        self._error: Exception | None = None
        self._closing = False
        self._leave = core.join(
            self._switched,
            queue=self.name.removesuffix("Sink").lower(),
            waiting=lambda: Waiting(self._waiting.qsize(), WAITING_MAX, self.dropped),
        )
        self._thread = threading.Thread(target=self._run, name=f"sink {self.name}", daemon=True)
        self._thread.start()

    def _switched(self, on: bool) -> None:  # noqa: FBT001  (the privacy switch calls it so)
        """What waits says what the camera saw: it goes out no more."""
        while on and self._give_way():
            pass

    def publish(self, reading: Reading) -> None:
        if reading.events or self._error is not None:  # most frames bring none
            self.tell(reading.events)

    def tell(self, events: Sequence[Event]) -> None:
        for event in events:
            self._waiting.put(event)
        while self._waiting.qsize() > WAITING_MAX and self._give_way():
            self.dropped += 1
            if self.dropped == 1:
                log.warning("%s does not keep up: the oldest events give way", self.name)
        error = self._error
        if error is not None:
            raise error.with_traceback(None)  # or it would grow with each time that it is raised

    def _give_way(self) -> bool:
        """Whether there was one that could."""
        try:
            event = self._waiting.get_nowait()
        except Empty:
            return False
        if event is None:
            self._waiting.put(None)
        return event is not None

    def close(self) -> None:
        self._leave()
        self._waiting.put(None)
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            log.warning("%s does not take what is left: %d events", self.name, self._waiting.qsize() - 1)

    def _run(self) -> None:
        while events := self._arrived():
            try:
                self._sink.tell(events)
            except (SinkError, BrokenPipeError) as error:
                self._error = error
            except Exception as error:
                log.exception("%s failed", self.name)
                self._error = SinkError(f"{self.name}: {error}")
            else:
                self._error = None
        self._sink.close()

    def _arrived(self) -> list[Event]:
        """Everything that waits, as soon as there is something; nothing at the end."""
        events: list[Event] = []
        while not self._closing and not (events and self._waiting.empty()):
            event = self._waiting.get()
            if event is None:
                self._closing = True
            else:
                events.append(event)
        return events
