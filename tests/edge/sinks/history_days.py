"""Days to be recorded: a clock that stands still, and readings in which faces come, change and go."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from edge.config import Config, HistoryConfig, SourceConfig
from edge.messages import Box, EmotionChanged, Estimate, Event, Face, FaceAppeared, FaceLeft, Frame, Reading, Track
from edge.sinks.history import HistorySink

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
NOON_S = NOON.timestamp()
LUMA = np.zeros((2, 2), np.uint8)
PLACE = (10, 10, 50, 50)


class FakeClock:
    """Shows what it is set to."""

    def __init__(self, epoch_s: float = NOON_S, *, known: bool = True, boot: str = "first-boot") -> None:
        self.monotonic_s = 1000.0
        self.epoch_s = epoch_s
        self.known = known
        self.boot = boot

    def monotonic(self) -> float:
        return self.monotonic_s

    def epoch(self) -> float:
        return self.epoch_s

    def synchronized(self) -> bool:
        return self.known

    def boot_id(self) -> str:
        return self.boot


def config(file: Path | str, **changes: object) -> Config:
    history = {"batch_s": 3600.0, **changes}
    return Config(
        source=SourceConfig(camera="door"), history=HistoryConfig(enabled=True, file=str(file), **history)
    )  # type: ignore[arg-type]


@contextlib.contextmanager
def recording(file: Path, clock: FakeClock | None = None, **changes: object) -> Iterator[HistorySink]:
    """A sink whose own thread has no turn while the test lasts."""
    sink = HistorySink(config(file, **changes), clock or FakeClock())
    try:
        yield sink
    finally:
        sink.close()


def reading(
    time_s: float, *people: tuple[str, str | None], since_s: float = 0.0, events: tuple[Event, ...] = ()
) -> Reading:
    """A frame `time_s` after noon; people: (track, emotion) of each face in it."""
    estimates = tuple(
        Estimate(Track(track, Face(Box(*PLACE), 0.9), since_s, time_s, 3, visible=True), emotion, 0.8, {})
        for track, emotion in people
    )
    return Reading(Frame(LUMA, time_s, NOON_S + time_s, round(time_s * 10)), estimates, events)


def told(event: type[Event], time_s: float, track: str = "a1b2c3", **fields: object) -> Event:
    """An event at that time after noon."""
    own: dict[type, dict[str, object]] = {
        FaceAppeared: {"box": PLACE},
        EmotionChanged: {
            "box": PLACE, "emotion": "happiness", "previous": "neutral", "score": 0.8, "scores": {"happiness": 0.8},
        },
        FaceLeft: {"emotion": "happiness", "duration_s": 4.5},
    }  # fmt: skip
    time = datetime.fromtimestamp(NOON_S + time_s, UTC)
    common = {"time": time, "time_s": time_s, "camera": "door", "frame": round(time_s * 10), "track": track}
    return event(**{**own[event], **common, **fields})  # type: ignore[arg-type]


def numbered(number: int) -> Reading:
    """One event that carries this number as its frame."""
    return reading(number / 10, events=(told(FaceLeft, number / 10, frame=number),))


def rows(file: Path, query: str) -> list[tuple]:
    """What a database holds, as another program sees it."""
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return connection.execute(query).fetchall()
