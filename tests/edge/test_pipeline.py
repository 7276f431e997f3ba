"""The loop: what each stage hands to the next, and that a failing sink stops nothing."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from edge.config import AdaptConfig, DecideConfig, TrackConfig
from edge.core import Core
from edge.decide import Decider
from edge.effort import Effort
from edge.errors import SinkError
from edge.look import Look
from edge.messages import Box, EmotionChanged, Event, Face, FaceAppeared, FaceLeft, Frame, Phase, Reading
from edge.pipeline import Parts, Pipeline
from edge.privacy import Privacy
from edge.track import Tracker

LABELS = ("happiness", "neutral")


class LightDetector:
    """Finds one face where the frame is bright, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def detect(self, luma: np.ndarray) -> list[Face]:
        self.asked += 1
        return [Face(Box(100, 60, 160, 130), 0.9)] if luma.max() > 100 else []


class Classifier:
    """Sees happiness in everything, and remembers how it was asked."""

    labels, name = LABELS, "fake"

    def __init__(self, scores: tuple[float, float] = (0.9, 0.1)) -> None:
        self.mirrored: list[bool] = []
        self.scores = scores

    def crop(self, luma: np.ndarray, box: Box, *, mirrored: bool = False) -> np.ndarray:
        self.mirrored.append(mirrored)
        return luma[:48, :48, None]

    def classify_crop(self, crop: np.ndarray) -> np.ndarray:
        return np.array(self.scores, np.float32)


class Sink:
    """Keeps what it is given; fails on the frames it is told to."""

    def __init__(self, fails_on: frozenset[int] = frozenset()) -> None:
        self.readings: list[Reading] = []
        self.told: list[Event] = []
        self.fails_on = fails_on

    def publish(self, reading: Reading) -> None:
        if reading.frame.sequence in self.fails_on:
            raise SinkError("the disk is full")
        self.readings.append(reading)

    def tell(self, events: Sequence[Event]) -> None:
        self.told += events

    def close(self) -> None:
        pass


def frames(brightness: list[int], fps: float = 10.0) -> list[Frame]:
    return [
        Frame(np.full((240, 320), value, np.uint8), n / fps, 1.7e9 + n / fps, n)
        for n, value in enumerate(brightness)
    ]


@pytest.fixture
def core(tmp_path: Path) -> Core:
    return Core(Privacy(tmp_path / "privacy.json"))


def pipeline(core: Core, *sinks: Sink, classifier: Classifier | None = None, **adapt: object) -> Pipeline:
    config = AdaptConfig(**adapt)  # type: ignore[arg-type]
    parts = Parts(
        LightDetector(),
        Tracker(TrackConfig(min_hits=2, max_gap_s=0.5)),
        classifier or Classifier(),  # type: ignore[arg-type]
        Decider(DecideConfig(state_every_s=0), LABELS, "door"),
        Look(motion_gate=config.motion_gate),
        Effort(config),
    )
    return Pipeline(parts, sinks, core)


def run(pipeline: Pipeline, frames: list[Frame]) -> None:
    for frame in frames:
        assert pipeline.process(frame)


def test_a_face_is_told_from_its_appearance_to_its_leaving(core: Core) -> None:
    sink = Sink()
    run(pipeline(core, sink), frames([0] * 3 + [200] * 10 + [0] * 10))
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


def test_every_frame_gives_one_reading_in_order(core: Core) -> None:
    sink = Sink()
    run(pipeline(core, sink), frames([0, 200, 0, 200]))
    assert [reading.frame.sequence for reading in sink.readings] == [0, 1, 2, 3]


def test_every_other_crop_of_a_track_is_mirrored(core: Core) -> None:
    classifier = Classifier()
    run(pipeline(core, classifier=classifier), frames([200] * 7))
    assert classifier.mirrored == [False, True, False, True, False, True]


def test_only_faces_in_view_are_classified(core: Core) -> None:
    classifier = Classifier()
    run(pipeline(core, classifier=classifier), frames([200, 200, 0, 0, 200]))
    assert len(classifier.mirrored) == 2


def test_a_failing_sink_is_logged_once_and_neither_stops_others_nor_is_given_up(
    core: Core,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken, healthy = Sink(frozenset({1, 2, 3})), Sink()
    with caplog.at_level(logging.WARNING, "mien"):
        run(pipeline(core, broken, healthy), frames([0] * 6))
    assert len(healthy.readings) == 6
    assert [reading.frame.sequence for reading in broken.readings] == [0, 4, 5]
    assert [record.getMessage() for record in caplog.records] == [
        "the disk is full (going on without it, trying again)",
        "Sink publishes again",
    ]


def test_a_sink_with_a_fault_of_its_own_is_isolated_too_and_counted(core: Core) -> None:
    class Faulty(Sink):
        def publish(self, reading: Reading) -> None:
            raise ZeroDivisionError

    healthy = Sink()
    run(pipeline(core, Faulty(), healthy), frames([0] * 3))
    assert len(healthy.readings) == 3
    assert core.counts.sink_failures == {"Faulty": 3}


def test_once_privacy_is_on_nothing_is_said(core: Core) -> None:
    sink = Sink()
    loop = pipeline(core, sink)
    bright = frames([200] * 4)
    run(loop, bright[:3])
    core.privacy.set(True, by="test")
    assert not loop.process(bright[3])
    assert len(sink.readings) == 3


def test_without_frames_whoever_was_in_view_has_left_and_comes_back_as_somebody_new(core: Core) -> None:
    sink = Sink()
    loop = pipeline(core, sink)
    run(loop, frames([200] * 6))
    loop.tell_without_frames(Phase.PRIVATE, 7.0, 1.7e9)
    loop.tell_without_frames(Phase.PRIVATE, 8.0, 1.7e9)
    (left,) = sink.told
    run(loop, [frame for frame in frames([200] * 120) if frame.time_s > 10])
    appeared = [e for reading in sink.readings for e in reading.events if isinstance(e, FaceAppeared)]
    assert isinstance(left, FaceLeft)
    assert left.track == appeared[0].track != appeared[1].track


def test_every_stage_is_measured(core: Core) -> None:
    run(pipeline(core, Sink()), frames([200] * 5))
    counted = {name: total.count for name, total in core.stages.totals().items()}
    assert counted == {
        "capture": 0,
        "detect": 5,
        "track": 5,
        "crop": 4,
        "classify": 4,
        "decide": 5,
        "publish": 5,
        "latency": 0,
    }
    assert (core.counts.frames, core.counts.faces, core.counts.crops, core.counts.detections) == (5, 4, 4, 5)


def test_between_detections_the_faces_are_carried_and_classified(core: Core) -> None:
    classifier, sink = Classifier(), Sink()
    loop = pipeline(core, sink, classifier=classifier, detect_every=3)
    run(loop, frames([200] * 13))
    assert loop.parts.detector.asked == 5  # type: ignore[attr-defined]
    assert len(classifier.mirrored) == 10, "from the second find on, each frame"


def test_where_nothing_moves_and_nobody_is_there_faces_are_looked_for_once_a_second(core: Core) -> None:
    loop = pipeline(core)
    run(loop, frames([50] * 41))
    assert loop.parts.detector.asked == 5  # type: ignore[attr-defined]
    every_frame = pipeline(core, motion_gate=False)
    run(every_frame, frames([50] * 41))
    assert every_frame.parts.detector.asked == 41  # type: ignore[attr-defined]


def test_another_model_takes_over_between_two_frames_and_the_faces_stay(core: Core) -> None:
    sink = Sink()
    loop = pipeline(core, sink)
    bright = frames([200] * 60)
    run(loop, bright[:20])
    loop.use(Classifier((0.1, 0.9)))  # type: ignore[arg-type]
    run(loop, bright[20:])
    events = [event for reading in sink.readings for event in reading.events]
    assert [type(event).__name__ for event in events] == ["FaceAppeared", "EmotionChanged", "EmotionChanged"]
    assert [event.emotion for event in events[1:]] == ["happiness", "neutral"]  # type: ignore[union-attr]
