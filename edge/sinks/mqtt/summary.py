"""The few values that a dashboard shows, once a second and at every change."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from edge import board
from edge.messages import SCHEMA_VERSION, Phase, State
from edge.stages import LATENCY

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.messages import Estimate, Reading
    from edge.stages import Stages

NOBODY = "nobody"
TEMPERATURE_EVERY_S = 10.0


class Summary(Struct, frozen=True, kw_only=True):
    """What holds now.

    emotion: of the most prominent face, which is the largest one; "nobody" without faces, null while undecided.
    score: of that emotion, 0..1; null without one.
    frames_per_s: as the last State event measured it.
    temperature_celsius: of the processor; null where there is no sensor.
    phase: what the service does; without a camera emotion is null.
    latency_ms: from the sensor to the end of publication, over the frames since the last summary; null without a
    live camera.
    """

    schema: int = SCHEMA_VERSION
    time: datetime
    emotion: str | None
    score: float | None
    faces: int
    frames_per_s: float
    temperature_celsius: float | None
    phase: str = Phase.RUNNING
    latency_ms: float | None = None


class Summarizer:
    """Makes a Summary of each reading; remembers what not every reading tells."""

    def __init__(
        self,
        temperature: Callable[[], float | None] = board.temperature_celsius,
        stages: Stages | None = None,
    ) -> None:
        self._read_temperature = temperature
        self._stages = stages
        self._latency = (0, 0.0)
        self._temperature: float | None = None
        self._temperature_s: float | None = None
        self._frames_per_s = 0.0

    def summarize(self, reading: Reading) -> Summary:
        for event in reading.events:
            if isinstance(event, State):
                self._frames_per_s = round(event.frames_per_s, 1)
        first = most_prominent(reading.estimates)
        return Summary(
            time=datetime.fromtimestamp(reading.frame.captured_at, UTC),
            emotion=NOBODY if first is None else first.emotion,
            # Two places: a change in the third would fill a listener's history for nothing.
            score=None if first is None or first.emotion is None else round(first.score, 2),
            faces=len(reading.estimates),
            frames_per_s=self._frames_per_s,
            temperature_celsius=self._temperature_at(reading.frame.time_s),
            latency_ms=self._latency_ms(),
        )

    def without_frames(self, state: State) -> Summary:
        """While there is no camera, or it is closed: nobody is known to be there."""
        self._frames_per_s = 0.0
        return Summary(
            time=state.time,
            emotion=None,
            score=None,
            faces=0,
            frames_per_s=0.0,
            temperature_celsius=self._temperature_at(state.time_s),
            phase=state.phase,
        )

    def _latency_ms(self) -> float | None:
        if self._stages is None:
            return None
        (frames_before, sum_before_s), self._latency = self._latency, self._stages.count_and_sum_s(LATENCY)
        frames, sum_s = self._latency
        if frames <= frames_before:
            return None
        return round(1000 * (sum_s - sum_before_s) / (frames - frames_before), 1)

    def _temperature_at(self, time_s: float) -> float | None:
        last_s = self._temperature_s
        if last_s is None or not 0 <= time_s - last_s < TEMPERATURE_EVERY_S:
            self._temperature_s = time_s
            celsius = self._read_temperature()
            self._temperature = None if celsius is None else round(celsius, 1)
        return self._temperature


def most_prominent(estimates: tuple[Estimate, ...]) -> Estimate | None:
    """Of the largest face; of equals the one followed first."""
    return max(estimates, key=lambda estimate: estimate.track.face.box.area, default=None)
