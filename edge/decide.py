"""From scores that flicker to an emotion that holds still, and from that to events.

Pure: its only clock is the frames' own, so that it can be tested as a table of (time, scores) -> events.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.messages import EmotionChanged, Estimate, Event, FaceAppeared, FaceLeft, Person, Phase, State
from edge.model.labels import UNCERTAIN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from edge.config import DecideConfig
    from edge.messages import Frame, Track

HELD_MAX = 0.1
"""So far below `min_score` an emotion is held: more, and "uncertain" would hardly ever be said of eight labels."""


class Opinion:
    """What is believed of one track, and what is about to be believed instead."""

    def __init__(self, track: Track, labels: Sequence[str], config: DecideConfig) -> None:
        self.track = track
        self.emotion: str | None = None
        self._labels = labels
        self._config = config
        self._smoothed: NDArray[np.float32] | None = None
        self._scored_s = 0.0
        self._rival: str | None = None
        self._rival_since_s = 0.0

    def add(self, time_s: float, scores: NDArray[np.float32]) -> None:
        """Take in one classification; scores: float32, shape (labels,), summing to 1."""
        if self._smoothed is None:
            self._smoothed = scores
        else:
            # The weight of a sample follows the time it stands for, so the frame rate does not matter.
            passed_s = max(0.0, time_s - self._scored_s)
            weight = np.float32(1 - math.exp(-passed_s / self._config.window_s))
            self._smoothed = self._smoothed + weight * (scores - self._smoothed)
        self._scored_s = time_s

    def decide(self, time_s: float) -> bool:
        """True if the emotion is now another one than before."""
        challenger = self._challenger()
        if challenger is None or challenger == self.emotion:
            self._rival = None
            return False
        if challenger != self._rival or time_s < self._rival_since_s:
            self._rival, self._rival_since_s = challenger, time_s
        if time_s - self._rival_since_s < self._config.min_duration_s:
            return False
        self.emotion, self._rival = challenger, None
        return True

    def _challenger(self) -> str | None:
        if self._smoothed is None:
            return None
        best = int(self._smoothed.argmax())
        # What was once decided is held down to a little below, so that a score near the limit does not flicker.
        held = min(self._config.margin, HELD_MAX) if self.emotion in self._labels else 0.0
        if self._smoothed[best] < self._config.min_score - held:
            return UNCERTAIN
        lead = self._smoothed[best] - self._score_of(self.emotion)
        return self._labels[best] if lead >= self._config.margin else self.emotion

    def _score_of(self, emotion: str | None) -> float:
        if self._smoothed is None or emotion not in self._labels:
            return 0.0
        return float(self._smoothed[self._labels.index(emotion)])

    def relabel(self, labels: Sequence[str]) -> None:
        """Another model speaks from now on: what the last one said no longer counts."""
        self._labels = labels
        self._smoothed = self._rival = None

    def estimate(self) -> Estimate:
        if self._smoothed is None:
            return Estimate(self.track, self.emotion, 0.0, {})
        scores = {label: round(float(score), 4) for label, score in zip(self._labels, self._smoothed, strict=True)}
        best = round(float(self._smoothed.max()), 4)
        score = 0.0 if self.emotion is None else scores.get(self.emotion, best)
        return Estimate(self.track, self.emotion, score, scores)


class Decider:
    """Opinions of all tracks in view, and the events that follow from them."""

    def __init__(self, config: DecideConfig, labels: Sequence[str], camera: str) -> None:
        self._config = config
        self._labels = labels
        self._camera = camera
        self._opinions: dict[str, Opinion] = {}
        self._phase = Phase.RUNNING
        self._reduced: tuple[str, ...] = ()
        self._state_s: float | None = None
        self._frames_since_state = 0
        self._frame = 0

    def relabel(self, labels: Sequence[str]) -> None:
        """Another model speaks from now on."""
        self._labels = labels
        for opinion in self._opinions.values():
            opinion.relabel(labels)

    def decide(
        self,
        frame: Frame,
        tracks: Sequence[Track],
        scores: Mapping[str, NDArray[np.float32]],
        reduced: tuple[str, ...] = (),
    ) -> tuple[tuple[Estimate, ...], tuple[Event, ...]]:
        """(estimates, events) after a frame.

        scores: by track id, for the faces classified in it. reduced: see State.
        """
        self._frame = frame.sequence
        common = self._common(frame.time_s, frame.captured_at)
        events: list[Event] = self._left(tracks, common)
        for track in tracks:
            events += self._follow(track, frame.time_s, scores.get(track.id), common)
        estimates = tuple(self._opinions[track.id].estimate() for track in tracks)
        self._frames_since_state += 1
        self._enter(Phase.RUNNING, reduced)
        events += self._state(frame.time_s, estimates, common)
        return estimates, tuple(events)

    def without_frames(self, phase: Phase, time_s: float, epoch_s: float) -> tuple[Event, ...]:
        """Events while no frames come: everyone has left, and the state at its regular times.

        time_s, epoch_s: now, as a live source's `time_s` and `captured_at`.
        """
        common = self._common(time_s, epoch_s)
        events = self._left((), common)
        self._enter(phase, ())
        return (*events, *self._state(time_s, (), common))

    def _common(self, time_s: float, epoch_s: float) -> dict[str, Any]:
        return {
            "time": datetime.fromtimestamp(epoch_s, UTC),
            "time_s": round(time_s, 4),
            "camera": self._camera,
            "frame": self._frame,
        }

    def _enter(self, phase: Phase, reduced: tuple[str, ...]) -> None:
        if (phase, reduced) != (self._phase, self._reduced):
            self._phase, self._reduced = phase, reduced
            self._state_s = None  # is told at once

    def _left(self, tracks: Sequence[Track], common: dict[str, Any]) -> list[Event]:
        present = {track.id for track in tracks}
        gone = [key for key in self._opinions if key not in present]
        events: list[Event] = []
        for key in gone:
            opinion = self._opinions.pop(key)
            duration_s = round(max(0.0, opinion.track.seen_s - opinion.track.since_s), 3)
            events.append(FaceLeft(track=key, emotion=opinion.emotion, duration_s=duration_s, **common))
        return events

    def _follow(
        self, track: Track, time_s: float, scores: NDArray[np.float32] | None, common: dict[str, Any]
    ) -> list[Event]:
        events: list[Event] = []
        box = track.face.box.as_pixels()
        opinion = self._opinions.get(track.id)
        if opinion is None:
            opinion = self._opinions[track.id] = Opinion(track, self._labels, self._config)
            events.append(FaceAppeared(track=track.id, box=box, **common))
        opinion.track = track
        if scores is None:  # out of sight: nothing new is known
            return events
        opinion.add(time_s, scores)
        previous = opinion.emotion
        if opinion.decide(time_s):
            estimate = opinion.estimate()
            assert opinion.emotion is not None
            events.append(
                EmotionChanged(
                    track=track.id,
                    box=box,
                    emotion=opinion.emotion,
                    previous=previous,
                    score=estimate.score,
                    scores=estimate.scores,
                    **common,
                )
            )
        return events

    def _state(self, time_s: float, estimates: Sequence[Estimate], common: dict[str, Any]) -> list[Event]:
        every_s = self._config.state_every_s
        passed_s = None if self._state_s is None else time_s - self._state_s
        if every_s == 0 or (passed_s is not None and 0 <= passed_s < every_s):
            return []
        rate = self._frames_since_state / passed_s if passed_s is not None and passed_s > 0 else 0.0
        self._state_s, self._frames_since_state = time_s, 0
        people = tuple(
            Person(estimate.track.id, estimate.track.face.box.as_pixels(), estimate.emotion, estimate.score)
            for estimate in estimates
        )
        state = State(
            phase=self._phase, frames_per_s=round(rate, 2), people=people, reduced=self._reduced, **common
        )
        return [state]
