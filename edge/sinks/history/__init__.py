"""A record of the days: events, and each minute's seconds of every emotion, in a database on this device.

The pipeline's loop only notes; a thread writes what was noted, one transaction every `history.batch_s`. A kill at
any moment therefore costs one batch at most, and a disk that is full costs nothing that was written.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from edge.core import Waiting
from edge.errors import SinkError
from edge.sinks.history.clock import Clock, SystemClock
from edge.sinks.history.notes import EVENTS_MAX, MINUTES_MAX, Meter, Notes, row_of
from edge.sinks.history.retention import PASS_EVERY_S, trim
from edge.sinks.history.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edge.config import Config, HistoryConfig
    from edge.core import Core
    from edge.messages import Event, Reading
    from edge.sinks.history.notes import Sighting

log = logging.getLogger("mien.history")

GAP_FRAMES = 3
"""A face that is not seen for so many frames (or track.max_gap_s) was not in view meanwhile."""
MEASURED_TOGETHER = 32
"""Readings: one by one, each would find the caches full of other things and take five times as long."""
CLOSE_S = 5.0
FILE_NAME = "history.db"


class HistorySink:
    """Keeps what is published. `failures` counts batches that could not be written at once.

    Raises SinkError if the file cannot be one of ours.
    """

    def __init__(self, config: Config, clock: Clock | None = None, *, core: Core | None = None) -> None:
        self._config = config.history
        self._clock = clock or SystemClock()
        self._meter = Meter(max(config.track.max_gap_s, GAP_FRAMES / config.source.fps))
        self._notes = Notes()
        self._sightings: deque[Sighting] = deque(maxlen=2 * MEASURED_TOGETHER)  # full only where nothing is written
        self._noting = threading.Lock()  # held for microseconds
        self._writing = threading.Lock()
        self._store = Store(prepared_path(config.history), config.source.camera, self._clock)
        self._trimmed_s: float | None = None
        self._failing = False
        self.failures = 0
        try:
            self._store.open()
        except sqlite3.Error as error:  # a full disk or a lock: no reason not to start
            self._failed(error)
        self._stop = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)
        self._thread.start()
        self._leave = core.join(self._switched, queue="history", waiting=self._waiting) if core else None

    def _waiting(self) -> Waiting:
        return Waiting(len(self._notes), EVENTS_MAX + MINUTES_MAX, self.dropped)

    def _switched(self, on: bool) -> None:  # noqa: FBT001  (the privacy switch calls it so)
        """What is not written yet never is."""
        if on:
            with self._noting:
                self._sightings.clear()
                self._notes.clear()

    @property
    def dropped(self) -> int:
        """Rows that were lost because too many waited."""
        return self._notes.dropped

    def tell(self, events: Sequence[Event]) -> None:
        self._check()
        rows = [row for event in events if (row := row_of(event))]
        with self._noting:
            self._notes.add_events(rows)
            self._measure()

    def publish(self, reading: Reading) -> None:
        if reading.estimates or reading.events:
            frame = reading.frame
            self._sightings.append((reading.estimates, frame.captured_at, frame.time_s))  # needs no lock
            if reading.events or len(self._sightings) >= MEASURED_TOGETHER:
                self.tell(reading.events)

    def _measure(self) -> None:
        """Make notes of what was seen; the lock is held."""
        for key, presence in self._meter.measure(self._taken()).items():
            self._notes.add_presence(key, presence)

    def _taken(self) -> Iterator[Sighting]:
        while self._sightings:
            yield self._sightings.popleft()

    def _check(self) -> None:
        if self._ended:
            raise SinkError(f"history: {self._store.path} is no longer written")

    def close(self) -> None:
        if self._leave:
            self._leave()
        self._stop.set()
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        try:
            while not self._stop.wait(self._config.batch_s):
                self.write()
            self.write()
            if self._notes:
                log.error("history: what waits could not be written to %s before the end", self._store.path)
        except Exception:
            log.exception("history: %s is no longer written", self._store.path)
        finally:
            self._ended = True
            self._store.close()

    def write(self) -> None:
        """What the thread does every `history.batch_s`: write what waits; once an hour, remove what is too old."""
        with self._writing:
            with self._noting:
                self._measure()
                batch = self._notes.take()
            try:
                if batch:
                    self._store.write(batch)
            except (SinkError, sqlite3.Error) as error:
                with self._noting:
                    self._notes.give_back(batch)
                self._failed(error)
                return
            if batch:
                self._succeeded()
            self._trim_if_due()

    def _trim_if_due(self) -> None:
        now_s = self._clock.monotonic()
        if self._trimmed_s is not None and now_s - self._trimmed_s < PASS_EVERY_S:
            return
        self._trimmed_s = now_s
        try:
            self._store.use(lambda connection: trim(connection, self._config, self._clock))
        except (SinkError, sqlite3.Error) as error:
            log.warning("history: nothing old could be removed from %s: %s", self._store.path, error)

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        if not self._failing:
            self._failing = True
            log.error("history: %s: what is new waits in memory, trying again", self._in_words(error))

    def _in_words(self, error: Exception) -> str:
        # Errors of ours name the file, SQLite's do not.
        return str(error) if isinstance(error, SinkError) else f"{self._store.path} cannot be written: {error}"

    def _succeeded(self) -> None:
        if self._failing:
            self._failing = False
            log.warning("history: %s is written again; %d rows were lost so far", self._store.path, self.dropped)


def history_path(config: HistoryConfig) -> Path:
    """The file that the settings mean; what is not said is where systemd or the user's home keeps such things."""
    if config.file:
        return Path(config.file)
    if folder := os.environ.get("STATE_DIRECTORY"):
        return Path(folder.split(":")[0]) / FILE_NAME
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local/state") / "mien" / FILE_NAME


def prepared_path(config: HistoryConfig) -> Path:
    """The same, its folder made unless it was named by the user. Raises SinkError."""
    path = history_path(config)
    if not config.file:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SinkError(f"{path.parent}: cannot be made: {error.strerror}") from error
    return path
