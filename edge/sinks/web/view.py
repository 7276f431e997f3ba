"""What a viewer is told about a reading: the same record on the page, in the state API and in every language."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from edge.messages import SCHEMA_VERSION

if TYPE_CHECKING:
    from edge.messages import Estimate, Reading


class PersonView(Struct, frozen=True):
    """One face in view; the box is [x_min, y_min, x_max, y_max] in pixels of the frame.

    visible: False while the face is missed for a moment; its box is then the last one seen.
    scores: one a label, summing to 1; empty before the first classification.
    """

    track: str
    box: tuple[int, int, int, int]
    visible: bool
    in_view_s: float
    emotion: str | None
    score: float
    scores: dict[str, float]


class View(Struct, frozen=True):
    """A reading without its picture. size: (width, height) of the frame in pixels."""

    time: datetime
    time_s: float
    camera: str
    model: str
    frame: int
    size: tuple[int, int]
    frames_per_s: float
    people: tuple[PersonView, ...]
    schema: int = SCHEMA_VERSION


def view_of(reading: Reading, *, camera: str, model: str, frames_per_s: float) -> View:
    frame = reading.frame
    return View(
        time=datetime.fromtimestamp(frame.captured_at, UTC),
        time_s=round(frame.time_s, 4),
        camera=camera,
        model=model,
        frame=frame.sequence,
        size=frame.size,
        frames_per_s=round(frames_per_s, 1),
        people=tuple(_person(estimate, frame.time_s) for estimate in reading.estimates),
    )


def _person(estimate: Estimate, time_s: float) -> PersonView:
    track = estimate.track
    return PersonView(
        track=track.id,
        box=track.face.box.as_pixels(),
        visible=track.visible,
        in_view_s=round(max(0.0, time_s - track.since_s), 1),
        emotion=estimate.emotion,
        score=estimate.score,
        scores=estimate.scores,
    )
