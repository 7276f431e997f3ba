"""What the history tells viewers: seconds in view by emotion, for each hour or day of the device's time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

from edge.errors import SourceError
from edge.sinks.history import history_path
from edge.sinks.history.read import History, StoredEvent
from edge.sinks.web.endpoints import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.config import HistoryConfig

YEARS = range(1971, 9000)
"""Beyond them, a local midnight may not exist."""
DAYS_MAX = {"hour": 31, "day": 366}


class Span(Struct, frozen=True, forbid_unknown_fields=True):
    """Which part of the history."""

    by: Annotated[Literal["hour", "day"], Meta(description="one entry an hour, or a day")] = "hour"
    last: Annotated[str, Meta(description="the last day, e.g. 2026-01-31; today if left out", max_length=10)] = ""
    days: Annotated[
        int, Meta(ge=1, le=366, description="how many days, the last one included; by hour 31 at most")
    ] = 1


class Since(Struct, frozen=True, forbid_unknown_fields=True):
    """Which events."""

    since: Annotated[str, Meta(description="a time as in RFC 3339; an hour ago if left out", max_length=40)] = ""
    limit: Annotated[int, Meta(ge=1, le=1000, description="at most so many, the oldest first")] = 200


class Presence(Struct, frozen=True):
    """One hour or day. time: when it begins. seconds: face-seconds by emotion; two faces count twice."""

    time: datetime
    seconds: dict[str, float]


class Past:
    """Reads the history file anew for every question; none of this is for the web thread itself."""

    def __init__(self, config: HistoryConfig) -> None:
        self._config = config

    def presence(self, span: Span) -> list[Presence]:
        """Raises Refusal."""
        if span.days > DAYS_MAX[span.by]:
            raise Refusal(400, f"query: days: at most {DAYS_MAX[span.by]} by {span.by}")
        edges = list(steps(last_day(span.last), span.days, span.by))
        history = self._opened()
        try:
            return [Presence(start, history.seconds_between(start, end)) for start, end in pairwise(edges)]
        except SourceError as error:
            raise Refusal(503, str(error)) from error
        finally:
            history.close()

    def events(self, query: Since) -> list[StoredEvent]:
        """Raises Refusal."""
        since = parse_time(query.since) if query.since else datetime.now(UTC) - timedelta(hours=1)
        history = self._opened()
        try:
            return list(islice(history.events(since), query.limit))
        except SourceError as error:
            raise Refusal(503, str(error)) from error
        finally:
            history.close()

    def _opened(self) -> History:
        if not self._config.enabled:
            raise Refusal(404, "no history is kept (history.enabled)")
        try:
            return History(history_path(self._config))
        except SourceError as error:
            raise Refusal(503, str(error)) from error


def last_day(text: str) -> date:
    if not text:
        return datetime.now().astimezone().date()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if day.year not in YEARS:
        raise Refusal(400, "query: last: must be a day, e.g. 2026-01-31")
    return day


def parse_time(text: str) -> datetime:
    try:
        since = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        since = datetime.min  # noqa: DTZ901  (its year alone is looked at)
    if since.year not in YEARS:
        raise Refusal(400, "query: since: must be a time, e.g. 2026-01-31T18:00:00Z")
    return since


def steps(last: date, days: int, by: Literal["hour", "day"]) -> Iterator[datetime]:
    """The beginnings of the hours or days, local, and the end of the last one; a day may have 23 or 25 hours."""
    first = last - timedelta(days=days - 1)
    end = midnight(last + timedelta(days=1))
    if by == "day":
        yield from (midnight(first + timedelta(days=number)) for number in range(days))
    else:
        now = midnight(first).astimezone(UTC)
        while now < end:
            yield now.astimezone()
            now += timedelta(hours=1)
    yield end


def midnight(day: date) -> datetime:
    return datetime.combine(day, time()).astimezone()
