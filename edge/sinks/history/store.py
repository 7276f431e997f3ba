"""The database file: opened and proved, written a batch at a time, set aside where it is damaged."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import SinkError
from edge.sinks.history.notes import EventRow
from edge.sinks.history.schema import check_schema, create, is_damage, is_empty

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge.sinks.history.clock import Clock
    from edge.sinks.history.notes import Notes, Presence

log = logging.getLogger("mien.history")

BUSY_S = 2.0
"""So long a batch waits for another program that holds the database."""
WAL_KEPT_BYTES = 4_000_000
CACHE_KIB = 256
"""Of SQLite's pages in memory. Its usual 2 MB fill as the file grows: a soak took that for a leak."""
REFUSED = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}

INSERT_EVENT = f"INSERT INTO events (boot, {', '.join(EventRow._fields)}) VALUES (?{', ?' * len(EventRow._fields)})"  # noqa: S608  (no user's words)
ADD_PRESENCE = """
INSERT INTO presence (minute, emotion, camera, boot, time_s, seconds) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET seconds = round(seconds + excluded.seconds, 3)
"""


class Store:
    """One history file. One thread at a time."""

    def __init__(self, path: Path, camera: str, clock: Clock) -> None:
        self.path = path
        self._camera = camera
        self._clock = clock
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._boot = 0

    def open(self) -> sqlite3.Connection:
        """The connection, opened and proved where there is none; a damaged file is set aside and a new one begun.

        Raises SinkError for a file that will not do, sqlite3.Error for what may pass (a full disk, a lock).
        """
        if self._connection is not None and self._inode == inode_of(self.path):
            return self._connection
        self.close()  # the file was moved or deleted: a new one is begun in its place
        try:
            self._connection = self._connect()
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in REFUSED:
                raise SinkError(f"{self.path}: cannot be written: {error}") from error
            if not is_damage(error):
                raise
            self.set_aside(error)
            self._connection = self._connect()
        self._inode = inode_of(self.path)
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        try:
            # Made here rather than by SQLite, for the file's mode: who was here and how they felt is nobody else's.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise SinkError(f"{self.path}: cannot be written: {error.strerror}") from error
        with contextlib.ExitStack() as stack:
            connection = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            stack.callback(connection.close)
            if is_empty(connection):
                create(connection)
            check_schema(connection, self.path)
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise damage(verdict)
            connection.execute("PRAGMA synchronous = FULL")  # or a power cut would cost more than a batch
            connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
            connection.execute("PRAGMA secure_delete = FAST")
            self._boot = self._note_boot(connection)
            stack.pop_all()
        return connection

    def _note_boot(self, connection: sqlite3.Connection) -> int:
        boot_id = self._clock.boot_id()
        with transaction(connection):
            connection.execute("INSERT OR IGNORE INTO boots (boot_id) VALUES (?)", (boot_id,))
        row = connection.execute("SELECT id FROM boots WHERE boot_id = ?", (boot_id,)).fetchone()
        return int(row[0])

    def write(self, batch: Notes) -> None:
        """All of the batch or none of it. Raises as `open` does."""
        self.use(lambda connection: self._write(connection, batch))

    def use(self, action: Callable[[sqlite3.Connection], object]) -> None:
        """Calls the action; once more on a new file where it meets damage. Raises as `open` does."""
        try:
            action(self.open())
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            self.set_aside(error)
            action(self.open())

    def _write(self, connection: sqlite3.Connection, batch: Notes) -> None:
        with transaction(connection):
            connection.executemany(INSERT_EVENT, ((self._boot, *row) for row in batch.events))
            connection.executemany(
                ADD_PRESENCE,
                (
                    (key.minute, key.emotion, self._camera, self._boot, *rounded(presence))
                    for key, presence in batch.minutes.items()
                ),
            )

    def set_aside(self, why: sqlite3.Error) -> None:
        """Moves the damaged file and what belongs to it out of the way; deletes nothing. Raises SinkError."""
        self.close()
        stamp = datetime.fromtimestamp(self._clock.epoch(), UTC).strftime("%Y%m%dT%H%M%SZ")
        name = f"{self.path.name}.damaged-{stamp}"
        aside, number = self.path.with_name(name), 1
        while aside.exists():
            number += 1
            aside = self.path.with_name(f"{name}-{number}")
        try:
            # The log first: on its own the database is older but whole, while a log must never meet a new database.
            for suffix in ("-wal", "-shm", ""):
                part = Path(f"{self.path}{suffix}")
                if part.exists():
                    part.rename(f"{aside}{suffix}")
        except OSError as error:
            raise SinkError(f"{self.path}: is damaged and cannot be set aside: {error.strerror}") from error
        log.error("%s is damaged (%s): set aside as %s, a new one is begun", self.path, why, aside.name)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):  # what was committed is safe; the next to open tidies up
                connection.close()


def rounded(presence: Presence) -> tuple[float, float]:
    """(time_s, seconds) without digits that nothing measured."""
    return round(presence.time_s, 4), round(presence.seconds, 3)


def inode_of(path: Path) -> int:
    """0 where there is no such file."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def damage(verdict: str) -> sqlite3.DatabaseError:
    """What SQLite found on its own initiative, as the error that it raises when it meets the same in passing."""
    error = sqlite3.DatabaseError(verdict.replace("\n", " "))
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Committed at the end, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite has rolled back by itself where the disk is full
            connection.execute("ROLLBACK")
        raise
