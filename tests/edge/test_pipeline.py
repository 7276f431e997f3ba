"""The loop: what each stage hands to the next, and that a failing sink stops nothing."""

import logging

import numpy as np
import pytest

from edge.config import DecideConfig, TrackConfig
from edge.decide import Decider
from edge.errors import SinkError
from edge.messages import Box, EmotionChanged, Face, FaceLeft, Frame, Reading
from edge.pipeline import Pipeline
from edge.track import Tracker

LABELS = ("happiness", "neutral")


class LightDetector:
    """Finds one face where the frame is bright."""

    def detect(self, luma: np.ndarray) -> list[Face]:
        return [Face(Box(100, 60, 160, 130), 0.9)] if luma.max() > 100 else []


class Classifier:
    """Sees happiness in everything, and remembers how it was asked."""

    labels = LABELS

    def __init__(self) -> None:
        self.mirrored: list[bool] = []

    def classify(self, luma: np.ndarray, box: Box, *, mirrored: bool = False) -> np.ndarray:
        self.mirrored.append(mirrored)
        return np.array([0.9, 0.1], np.float32)


class Sink:
    """Keeps what it is given; fails on the frames it is told to."""

    def __init__(self, fails_on: frozenset[int] = frozenset()) -> None:
        self.readings: list[Reading] = []
        self.fails_on = fails_on

    def publish(self, reading: Reading) -> None:
        if reading.frame.sequence in self.fails_on:
            raise SinkError("the disk is full")
        self.readings.append(reading)

    def close(self) -> None:
        pass


def frames(brightness: list[int], fps: float = 10.0) -> list[Frame]:
    return [
        Frame(np.full((240, 320), value, np.uint8), n / fps, 1.7e9 + n / fps, n)
        for n, value in enumerate(brightness)
    ]


def pipeline(*sinks: Sink, classifier: Classifier | None = None) -> Pipeline:
    return Pipeline(
        LightDetector(),
        Tracker(TrackConfig(min_hits=2, max_gap_s=0.5)),
        classifier or Classifier(),  # type: ignore[arg-type]
        Decider(DecideConfig(state_every_s=0), LABELS, "door"),
        sinks,
    )


def test_a_face_is_told_from_its_appearance_to_its_leaving() -> None:
    sink = Sink()
    pipeline(sink).run(frames([0] * 3 + [200] * 10 + [0] * 10), lambda _: True)
    events = [event for reading in sink.readings for event in reading.events]
    assert [(type(event).__name__, event.frame) for event in events] == [
        ("FaceAppeared", 4),
        ("EmotionChanged", 8),
        ("FaceLeft", 18),
    ]
    changed, left = events[1], events[2]
    assert isinstance(changed, EmotionChanged)
    assert (changed.emotion, changed.box) == ("happiness", (100, 60, 160, 130))
    assert isinstance(left, FaceLeft)
    assert (left.emotion, left.duration_s) == ("happiness", 0.9)


def test_every_frame_gives_one_reading_in_order() -> None:
    sink = Sink()
    pipeline(sink).run(frames([0, 200, 0, 200]), lambda _: True)
    assert [reading.frame.sequence for reading in sink.readings] == [0, 1, 2, 3]


def test_every_other_crop_of_a_track_is_mirrored() -> None:
    classifier = Classifier()
    pipeline(classifier=classifier).run(frames([200] * 7), lambda _: True)
    assert classifier.mirrored == [True, False, True, False, True, False]


def test_only_faces_in_view_are_classified() -> None:
    classifier = Classifier()
    pipeline(classifier=classifier).run(frames([200, 200, 0, 0, 200]), lambda _: True)
    assert len(classifier.mirrored) == 2


def test_the_loop_ends_after_the_frame_that_is_the_last() -> None:
    sink = Sink()
    pipeline(sink).run(frames([0] * 10), lambda frame: frame.sequence < 3)
    assert len(sink.readings) == 4


def test_a_failing_sink_is_logged_once_and_neither_stops_others_nor_is_given_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken, healthy = Sink(frozenset({1, 2, 3})), Sink()
    with caplog.at_level(logging.WARNING, "mien"):
        pipeline(broken, healthy).run(frames([0] * 6), lambda _: True)
    assert len(healthy.readings) == 6
    assert [reading.frame.sequence for reading in broken.readings] == [0, 4, 5]
    assert [record.getMessage() for record in caplog.records] == [
        "the disk is full (going on without it, trying again)",
        "Sink publishes again",
    ]
