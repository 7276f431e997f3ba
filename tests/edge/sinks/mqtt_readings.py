"""Readings as the pipeline hands them to a sink, by what the tests of MQTT tell apart."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from edge.messages import Box, Estimate, Event, Face, FaceLeft, Frame, Person, Reading, State, Track

WHEN = datetime(2026, 1, 2, tzinfo=UTC)


def reading(*events: Event, estimates: tuple[Estimate, ...] = (), time_s: float = 1.5) -> Reading:
    return Reading(Frame(np.zeros((2, 2), np.uint8), time_s, WHEN.timestamp(), 7), estimates, events)


def left(number: int) -> FaceLeft:
    """An event that is told from others by its frame."""
    return FaceLeft(
        time=WHEN, time_s=1.5, camera="camera", frame=number, track="a", emotion="happiness", duration_s=3.25
    )


def state(*people: Person, frames_per_s: float = 14.96) -> State:
    return State(
        time=WHEN, time_s=1.5, camera="camera", frame=7, phase="running", frames_per_s=frames_per_s, people=people
    )


def estimate(track: str, size: float, emotion: str | None, score: float) -> Estimate:
    """Of a square face with this side in pixels."""
    face = Face(Box(0, 0, size, size), 0.9)
    return Estimate(Track(track, face, 0.0, 1.5, 9, visible=True), emotion, score, {})
