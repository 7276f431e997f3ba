"""Reads what the sink wrote, a page of rows at a time: nothing is loaded whole, no long read holds the log up."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from edge.errors import SinkError, SourceError
from edge.sinks.history.schema import check_schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE_ROWS = 500
FIRST_MS, LAST_MS = -(2**62), 2**62

EVENTS = """
SELECT events.id, type, time_ms, time_s, boot_id, camera, frame, track, emotion, previous, score, duration_s
FROM events JOIN boots ON boots.id = boot
WHERE (time_ms, events.id) > (?, ?) AND time_ms < ?
ORDER BY time_ms, events.id LIMIT ?
"""
MINUTES = """
SELECT minute, emotion, camera, boot, boot_id, time_s, seconds
FROM presence JOIN boots ON boots.id = boot
WHERE (minute, emotion, camera, boot) > (?, ?, ?, ?) AND minute < ?
ORDER BY minute, emotion, camera, boot LIMIT ?
"""

SECONDS = """
SELECT emotion, sum(seconds) FROM presence WHERE minute >= ? AND minute < ? GROUP BY emotion ORDER BY emotion
"""


class StoredEvent(Struct, frozen=True):
    """An event as the history keeps it; what its kind does not have is None. boot: the machine's boot id."""

    type: str
    time: datetime
    time_s: float
    boot: str
    camera: str
    frame: int
    track: str
    emotion: str | None
    previous: str | None
    score: float | None
    duration_s: float | None


class StoredMinute(Struct, frozen=True):
    """Face-seconds of an emotion in the minute that begins at `time`: two faces for a second are two."""

    time: datetime
    time_s: float
    boot: str
    camera: str
    emotion: str
    seconds: float


class History:
    """A history file, opened to read while the service may be writing it.

    Raises SourceError, and so do its iterators: naming the file and why.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.is_file():
            raise SourceError(f"{path}: no history there (history.enabled starts one)")
        with self._explained():
            self._connection = self._connect()

    def _connect(self) -> sqlite3.Connection:
        try:
            # To read alone, SQLite must write: the files beside the database, which it removes again at the end.
            return self._connected("mode=rw")
        except sqlite3.OperationalError:
            # This user may not write there. Where no log lies beside the database, nobody does at the moment.
            if self._path.with_name(f"{self._path.name}-wal").exists():
                raise
            return self._connected("mode=ro&immutable=1")

    def _connected(self, mode: str) -> sqlite3.Connection:
        connection = sqlite3.connect(f"{self._path.absolute().as_uri()}?{mode}", uri=True)
        try:
            connection.execute("PRAGMA query_only = ON")
            check_schema(connection, self._path)
        except SinkError as error:
            connection.close()
            raise SourceError(str(error)) from error
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise SourceError(f"{self._path}: cannot be read: {error}") from error

    def close(self) -> None:
        self._connection.close()

    def events(self, since: datetime | None = None, until: datetime | None = None) -> Iterator[StoredEvent]:
        """Those at `since` or later and before `until`, by time."""
        after = (milliseconds(since) if since else FIRST_MS, -1)
        end = milliseconds(until) if until else LAST_MS
        while rows := self._page(EVENTS, (*after, end, PAGE_ROWS)):
            for number, kind, time_ms, *rest in rows:
                yield StoredEvent(kind, moment(time_ms), *rest)
                after = (time_ms, number)

    def minutes(self, since: datetime | None = None, until: datetime | None = None) -> Iterator[StoredMinute]:
        """Those that begin at `since` or later and before `until`, by time."""
        after = (-(-milliseconds(since) // 60_000) if since else FIRST_MS, "", "", -1)
        end = -(-milliseconds(until) // 60_000) if until else LAST_MS
        while rows := self._page(MINUTES, (*after, end, PAGE_ROWS)):
            for minute, emotion, camera, number, boot, time_s, seconds in rows:
                yield StoredMinute(moment(minute * 60_000), time_s, boot, camera, emotion, seconds)
                after = (minute, emotion, camera, number)

    def seconds_between(self, since: datetime, until: datetime) -> dict[str, float]:
        """Face-seconds by emotion, of the minutes that begin at `since` or later and before `until`."""
        rows = self._page(SECONDS, (-(-milliseconds(since) // 60_000), -(-milliseconds(until) // 60_000)))
        return {emotion: round(seconds, 3) for emotion, seconds in rows}

    @staticmethod
    def columns(*, minutes: bool) -> tuple[str, ...]:
        """The names of the fields of either kind of row."""
        return (StoredMinute if minutes else StoredEvent).__struct_fields__

    def _page(self, query: str, values: tuple[object, ...]) -> list[Any]:
        with self._explained():
            return self._connection.execute(query, values).fetchall()


def milliseconds(time: datetime) -> int:
    return round(time.timestamp() * 1000)


def moment(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1000, UTC)
