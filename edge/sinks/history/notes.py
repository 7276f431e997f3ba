"""What is noted of readings until it is written: rows of events, and seconds of presence by minute and emotion.

Pictures, boxes and score vectors stay behind: only what the tables hold is taken from a reading.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from edge.messages import EmotionChanged, Event, FaceLeft, State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.messages import Estimate

Sighting = tuple[tuple["Estimate", ...], float, float]
"""Of a reading what presence is measured by: who is in view; seconds since 1970; seconds on the source's clock."""

UNDECIDED = "undecided"
"""The emotion of a face about which nothing is decided yet."""

EVENTS_MAX, MINUTES_MAX = 10_000, 10_000
"""Rows that wait at most, some 5 MB: days of an average day, while the disk is full."""


class EventRow(NamedTuple):
    """One row of the table `events`; the fields are its columns. time_ms: since 1970, on the wall clock."""

    type: str
    time_ms: int
    time_s: float
    camera: str
    frame: int
    track: str
    emotion: str | None
    previous: str | None
    score: float | None
    duration_s: float | None


class Minute(NamedTuple):
    """What presence is counted by. minute: minutes since 1970, on the wall clock."""

    minute: int
    emotion: str


class Presence(NamedTuple):
    """Face-seconds, and when on the source's clock they began."""

    seconds: float
    time_s: float


def row_of(event: Event) -> EventRow | None:
    """The event as a row; None for one that the history does not keep."""
    if isinstance(event, State):
        return None
    tag = str(type(event).__struct_config__.tag)
    time_ms = round(event.time.timestamp() * 1000)
    common = (tag, time_ms, event.time_s, event.camera, event.frame, event.track)
    if isinstance(event, EmotionChanged):
        return EventRow(*common, event.emotion, event.previous, event.score, None)
    if isinstance(event, FaceLeft):
        return EventRow(*common, event.emotion, None, None, event.duration_s)
    return EventRow(*common, None, None, None, None)


class Meter:
    """Measures how long each face was in view since the reading before; it agrees with face_left's duration_s."""

    def __init__(self, gap_s: float) -> None:
        """gap_s: two sightings further apart than this say nothing about the time between them."""
        self._gap_s = gap_s
        self._seen_s: dict[str, float] = {}

    def measure(self, sightings: Iterable[Sighting]) -> dict[Minute, Presence]:
        """How long faces were in view, of those that were seen again."""
        seconds: dict[tuple[int, str], float] = {}
        began_s: dict[tuple[int, str], float] = {}
        for estimates, captured_at, time_s in sightings:
            minute = int(captured_at // 60)
            seen_s = {}
            for estimate in estimates:
                track = estimate.track
                passed_s = track.seen_s - self._seen_s.get(track.id, track.since_s)
                seen_s[track.id] = track.seen_s
                if 0 < passed_s <= self._gap_s:
                    key = minute, estimate.emotion or UNDECIDED
                    seconds[key] = seconds.get(key, 0.0) + passed_s
                    began_s.setdefault(key, time_s)
            self._seen_s = seen_s
        return {Minute(*key): Presence(passed_s, began_s[key]) for key, passed_s in seconds.items()}


class Notes:
    """Bounded: where too much waits, the oldest is dropped and counted in `dropped` (rows)."""

    def __init__(self, events_max: int = EVENTS_MAX, minutes_max: int = MINUTES_MAX) -> None:
        self.events: deque[EventRow] = deque()
        self.minutes: dict[Minute, Presence] = {}
        self.dropped = 0
        self._events_max = events_max
        self._minutes_max = minutes_max

    def __len__(self) -> int:
        return len(self.events) + len(self.minutes)

    def clear(self) -> None:
        """Nothing waits any more; this is no loss that is counted."""
        self.events.clear()
        self.minutes.clear()

    def add_events(self, rows: Iterable[EventRow]) -> None:
        self.events.extend(rows)
        while len(self.events) > self._events_max:
            self.events.popleft()
            self.dropped += 1

    def add_presence(self, key: Minute, presence: Presence) -> None:
        before = self.minutes.get(key)
        self.minutes[key] = Presence(before.seconds + presence.seconds, before.time_s) if before else presence
        if len(self.minutes) > self._minutes_max:
            del self.minutes[next(iter(self.minutes))]
            self.dropped += 1

    def take(self) -> Notes:
        """Everything that waits, which then waits no longer."""
        taken = Notes()
        taken.events, self.events = self.events, taken.events
        taken.minutes, self.minutes = self.minutes, taken.minutes
        return taken

    def give_back(self, older: Notes) -> None:
        """Let what was taken wait again, as the older part."""
        newer = self.take()
        for part in (older, newer):
            self.add_events(part.events)
            for key, presence in part.minutes.items():
                self.add_presence(key, presence)
