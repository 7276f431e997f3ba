"""How the history stays bounded: what is too old goes, and the oldest where there is too much."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from edge.sinks.history.clock import BEGINNING_S
from edge.sinks.history.store import transaction

if TYPE_CHECKING:
    import sqlite3

    from edge.config import HistoryConfig
    from edge.sinks.history.clock import Clock

log = logging.getLogger("mien.history")

PASS_EVERY_S = 3600.0
SHARE = 10
"""A pass removes at most one row in ten of each table: a clock or a setting gone wrong costs little at a time."""

DAY_S = 86_400


def trim(connection: sqlite3.Connection, config: HistoryConfig, clock: Clock) -> int:
    """One pass. Returns how many rows went. Raises sqlite3.Error."""
    cutoff_s = clock.epoch() - config.max_age_days * DAY_S
    aged = clock.synchronized() and cutoff_s > BEGINNING_S and _any_older(connection, cutoff_s)
    limit_bytes = config.max_size_mb * 1_000_000
    swollen = used_bytes(connection) > limit_bytes
    removed = 0
    if aged or swollen:
        with transaction(connection):
            removed = _trim_events(connection, cutoff_s if aged else None, everything=swollen)
            removed += _trim_presence(connection, cutoff_s if aged else None, everything=swollen)
    if file_bytes(connection) > limit_bytes:
        # As a script: it gives back a page a step, and `execute` takes one step of what has no rows to show.
        connection.executescript("PRAGMA incremental_vacuum")
    if removed:
        log.info("history: the oldest %d rows are removed", removed)
    return removed


def used_bytes(connection: sqlite3.Connection) -> int:
    """What the rows take; the file may be larger by pages that are free to be used again."""
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    return file_bytes(connection) - int(free) * int(page_bytes)


def file_bytes(connection: sqlite3.Connection) -> int:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    return int(pages) * int(page_bytes)


def _any_older(connection: sqlite3.Connection, cutoff_s: float) -> bool:
    events = "SELECT 1 FROM events WHERE time_ms >= ? AND time_ms < ? LIMIT 1"
    presence = "SELECT 1 FROM presence WHERE minute >= ? AND minute < ? LIMIT 1"
    return bool(
        connection.execute(events, (BEGINNING_S * 1000, cutoff_s * 1000)).fetchone()
        or connection.execute(presence, (BEGINNING_S // 60, cutoff_s // 60)).fetchone()
    )


def _budget(connection: sqlite3.Connection, count: str) -> int:
    (rows,) = connection.execute(count).fetchone()
    return max(1, int(rows) // SHARE)


def _trim_events(connection: sqlite3.Connection, cutoff_s: float | None, *, everything: bool) -> int:
    budget = _budget(connection, "SELECT count(*) FROM events")
    removed = 0
    if cutoff_s is not None:
        # Rows of a clock that was never set are not old, whatever they say: only their number can end them.
        removed = connection.execute(
            "DELETE FROM events WHERE id IN"
            " (SELECT id FROM events WHERE time_ms >= ? AND time_ms < ? ORDER BY time_ms LIMIT ?)",
            (BEGINNING_S * 1000, cutoff_s * 1000, budget),
        ).rowcount
    if everything:
        # The order in which rows came needs no clock.
        removed += connection.execute(
            "DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY id LIMIT ?)", (budget - removed,)
        ).rowcount
    return removed


def _trim_presence(connection: sqlite3.Connection, cutoff_s: float | None, *, everything: bool) -> int:
    budget = _budget(connection, "SELECT count(*) FROM presence")
    delete = (
        "DELETE FROM presence WHERE (minute, emotion, camera, boot) IN"
        " (SELECT minute, emotion, camera, boot FROM presence"
    )
    removed = 0
    if cutoff_s is not None:
        removed = connection.execute(
            f"{delete} WHERE minute >= ? AND minute < ? ORDER BY minute LIMIT ?)",
            (BEGINNING_S // 60, cutoff_s // 60, budget),
        ).rowcount
    if everything:
        # Boots are numbered as they come, and within one the clock is only ever put forward.
        removed += connection.execute(f"{delete} ORDER BY boot, minute LIMIT ?)", (budget - removed,)).rowcount
    return removed
