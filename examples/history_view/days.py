"""What a day of Mien's history was like, as rows for a table or a chart. Needs Mien and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta

from edge.sinks.history.read import History, StoredEvent, StoredMinute

Row = dict[str, float | str]


def bounds(day: date) -> tuple[datetime, datetime]:
    """When it began and ended here; a day may have 23 or 25 hours."""
    first, next_first = (datetime.combine(each, time()).astimezone() for each in (day, day + timedelta(days=1)))
    return first, next_first


def by_hour(minutes: Iterable[StoredMinute]) -> list[Row]:
    """A row an hour that saw somebody: {"hour": "2026-01-31 18:00", "happiness": minutes, ...}; every row has every
    emotion of the day. Two faces for a minute are two minutes.
    """
    found: dict[datetime, dict[str, float]] = {}
    for minute in minutes:
        hour = minute.time.astimezone().replace(minute=0, second=0, microsecond=0)
        seen = found.setdefault(hour, {})
        seen[minute.emotion] = seen.get(minute.emotion, 0.0) + minute.seconds / 60
    emotions = sorted({emotion for seen in found.values() for emotion in seen})
    return [
        {"hour": f"{hour:%Y-%m-%d %H:%M}", **{word: round(seen.get(word, 0.0), 1) for word in emotions}}
        for hour, seen in sorted(found.items())
    ]


def totals(rows: Iterable[Row]) -> dict[str, float]:
    """Minutes of each emotion over all rows, the largest first."""
    found: dict[str, float] = {}
    for row in rows:
        for word, minutes in row.items():
            if isinstance(minutes, float):
                found[word] = round(found.get(word, 0.0) + minutes, 1)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def changes(events: Iterable[StoredEvent]) -> Iterator[Row]:
    """When a decided emotion became another one."""
    for event in events:
        if event.type == "emotion_changed":
            yield {
                "time": f"{event.time.astimezone():%H:%M:%S}",
                "face": event.track,
                "from": event.previous or "",
                "to": event.emotion or "",
            }


def day_of(history: History, day: date) -> tuple[list[Row], list[Row]]:
    """(rows by hour, changes) of a day of local time. Raises SourceError if the file cannot be read."""
    first, end = bounds(day)
    return by_hour(history.minutes(first, end)), list(changes(history.events(first, end)))
