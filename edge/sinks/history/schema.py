"""The tables, and how a file is proved to hold them."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from edge.errors import SinkError

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = 1
APPLICATION_ID = int.from_bytes(b"Mien")
"""In the header of the file, so that no other program's database is taken for ours."""

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE boots (id INTEGER PRIMARY KEY, boot_id TEXT NOT NULL UNIQUE);
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    type TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    time_s REAL NOT NULL,
    boot INTEGER NOT NULL REFERENCES boots,
    camera TEXT NOT NULL,
    frame INTEGER NOT NULL,
    track TEXT NOT NULL,
    emotion TEXT,
    previous TEXT,
    score REAL,
    duration_s REAL
);
CREATE INDEX events_by_time ON events (time_ms);
CREATE TABLE presence (
    minute INTEGER NOT NULL,
    emotion TEXT NOT NULL,
    camera TEXT NOT NULL,
    boot INTEGER NOT NULL REFERENCES boots,
    time_s REAL NOT NULL,
    seconds REAL NOT NULL,
    PRIMARY KEY (minute, emotion, camera, boot)
) WITHOUT ROWID;
"""

PAGE_BYTES = 1024
"""A batch changes few rows on few pages and is written as whole pages: small ones spare the card."""


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is spoilt, rather than something around it (a full disk, a lock)."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def is_empty(connection: sqlite3.Connection) -> bool:
    """Whether this is a file just made."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return int(tables) == 0


def check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Raises SinkError if the database is not ours, or of a Mien newer than this one; sqlite3.Error."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID:
        raise SinkError(f"{path}: is another program's database: choose another file")
    row = connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    found = row[0] if row else "none"
    if found != str(SCHEMA):
        raise SinkError(
            f"{path}: holds schema {found}, this Mien knows {SCHEMA}: install a newer Mien or choose another file"
        )


def create(connection: sqlite3.Connection) -> None:
    """Makes the tables in an empty database, all or none."""
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # so that a lower limit makes the file smaller
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(f"BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION_ID}; {TABLES}")
    connection.execute("INSERT INTO meta VALUES ('schema', ?)", (str(SCHEMA),))
    connection.execute("COMMIT")
