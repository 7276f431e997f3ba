"""The records that travel through the pipeline. All are frozen: a stage makes new ones, it changes none.

Coordinates are pixels of the frame, x to the right, y down. Times: `time_s` is the source's own clock
(seconds, for ordering and durations), `captured_at` the wall clock (what people and databases want).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

SCHEMA_VERSION: Literal[1] = 1


class Phase(StrEnum):
    """What the loop is doing; edge/state.py keeps the one that holds."""

    STARTING = "starting"
    RUNNING = "running"
    NO_SOURCE = "no-source"
    PRIVATE = "private"
    STOPPING = "stopping"


# What the fields of an event mean; docs/events.schema.json is made of these words.
Time = Annotated[datetime, Meta(tz=True, description="when the frame was captured: the wall clock, in UTC")]
SourceTime = Annotated[
    float,
    Meta(description="when the frame was captured: seconds on the source's own clock, for order and durations"),
]
Camera = Annotated[str, Meta(description="source.camera of the settings")]
FrameNumber = Annotated[int, Meta(ge=0, description="counts the source's frames, dropped ones included, from 0")]
TrackId = Annotated[str, Meta(description="a face while it is in view; random, short-lived, never an identity")]
Corners = Annotated[
    tuple[int, int, int, int],
    Meta(description="the face in pixels of its frame: [x_min, y_min, x_max, y_max], from hairline to chin"),
]
Emotion = Annotated[str, Meta(description='a label of the model, or "uncertain"')]
Score = Annotated[
    float, Meta(ge=0, le=1, description="smoothed, of the emotion beside it; the best one if uncertain")
]
Scores = Annotated[dict[str, float], Meta(description="one smoothed score a label; they sum to 1")]
Duration = Annotated[float, Meta(ge=0, description="seconds from the first sight to the last")]
Rate = Annotated[float, Meta(ge=0, description="measured since the last state; 0 in the first one")]


class Frame(Struct, frozen=True, eq=False):
    """One picture.

    luma: uint8, shape (height, width), full range 0..255.
    time_s: seconds on the source's clock; a live source uses time.monotonic(), a file its position.
    captured_at: seconds since the epoch.
    sequence: counts the frames that the source captured, dropped ones included, from 0.
    name: the file it came from, where there is one.
    """

    luma: NDArray[np.uint8]
    time_s: float
    captured_at: float
    sequence: int = 0
    name: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        height, width = self.luma.shape
        return width, height


class Box(Struct, frozen=True):
    """A rectangle in pixels of its frame; x_max and y_max lie just outside it."""

    x_min: float
    y_min: float
    x_max: float
    y_max: float

    @property
    def width(self) -> float:
        return self.x_max - self.x_min

    @property
    def height(self) -> float:
        return self.y_max - self.y_min

    @property
    def area(self) -> float:
        return max(0.0, self.width) * max(0.0, self.height)

    @property
    def centre(self) -> tuple[float, float]:
        return (self.x_min + self.x_max) / 2, (self.y_min + self.y_max) / 2

    def iou(self, other: Box) -> float:
        """Intersection over union with another box, 0..1."""
        width = min(self.x_max, other.x_max) - max(self.x_min, other.x_min)
        height = min(self.y_max, other.y_max) - max(self.y_min, other.y_min)
        if width <= 0 or height <= 0:
            return 0.0
        shared = width * height
        return shared / (self.area + other.area - shared)

    def as_pixels(self) -> tuple[int, int, int, int]:
        """(x_min, y_min, x_max, y_max) rounded to whole pixels."""
        return round(self.x_min), round(self.y_min), round(self.x_max), round(self.y_max)


class Face(Struct, frozen=True):
    """What a detector found: a box in Mien's convention (edge/detect/__init__.py) and its score, 0..1."""

    box: Box
    score: float


class Track(Struct, frozen=True):
    """One face followed over time.

    id: random and short-lived, never an identity.
    face: the last one seen; `visible` tells whether that was in this very frame.
    since_s, seen_s: frame times of the first and the last detection.
    hits: how many detections the track has had.
    """

    id: str
    face: Face
    since_s: float
    seen_s: float
    hits: int
    visible: bool


class Estimate(Struct, frozen=True):
    """What is believed of one track: smoothed scores and the emotion decided from them.

    emotion: a label, "uncertain", or None while nothing is decided yet.
    score: the smoothed score of `emotion`, 0..1 (0 where it is None; the best one where uncertain).
    scores: one smoothed score a label; they sum to 1. Empty before the first classification.
    """

    track: Track
    emotion: str | None
    score: float
    scores: dict[str, float]


class Person(Struct, frozen=True):
    """One face as a State event lists it; the box is [x_min, y_min, x_max, y_max]."""

    track: TrackId
    box: Corners
    emotion: Emotion | None
    score: Score


class FaceAppeared(Struct, frozen=True, kw_only=True, tag_field="type", tag="face_appeared"):
    """A face is in view that was not before."""

    schema: Literal[1] = SCHEMA_VERSION
    time: Time
    time_s: SourceTime
    camera: Camera
    frame: FrameNumber
    track: TrackId
    box: Corners


class EmotionChanged(Struct, frozen=True, kw_only=True, tag_field="type", tag="emotion_changed"):
    """The decided emotion of a face is another one than before (the first has `previous` null)."""

    schema: Literal[1] = SCHEMA_VERSION
    time: Time
    time_s: SourceTime
    camera: Camera
    frame: FrameNumber
    track: TrackId
    box: Corners
    emotion: Emotion
    previous: Emotion | None
    score: Score
    scores: Scores


class FaceLeft(Struct, frozen=True, kw_only=True, tag_field="type", tag="face_left"):
    """A face has been out of view for longer than `track.max_gap_s`."""

    schema: Literal[1] = SCHEMA_VERSION
    time: Time
    time_s: SourceTime
    camera: Camera
    frame: FrameNumber
    track: TrackId
    emotion: Emotion | None
    duration_s: Duration


class State(Struct, frozen=True, kw_only=True, tag_field="type", tag="state"):
    """Everything at once, at regular times and when the phase changes, so that a late listener need not have heard
    the rest.

    frame, time_s: of the newest frame; while there are none, that of the last one and the loop's own clock.
    frames_per_s: measured over the time since the last State; 0 in the first one.
    reduced: what is done more rarely for want of time or because of heat, in the order it was given up.
    """

    schema: Literal[1] = SCHEMA_VERSION
    time: Time
    time_s: SourceTime
    camera: Camera
    frame: FrameNumber
    phase: Annotated[Phase, Meta(description="what the service is doing")]
    frames_per_s: Rate
    people: tuple[Person, ...]
    reduced: Annotated[
        tuple[str, ...], Meta(description="what is done more rarely for want of time or because of heat")
    ] = ()


Event = FaceAppeared | EmotionChanged | FaceLeft | State


class Reading(Struct, frozen=True, eq=False):
    """A frame and everything said about it: what the pipeline hands to every sink."""

    frame: Frame
    estimates: tuple[Estimate, ...] = ()
    events: tuple[Event, ...] = ()
