"""Rounds through the real loop, with the real parts of the settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.bench.measure import Plan, bench_config, fresh, run_round
from edge.bench.record import END_TO_END
from edge.bench.scenes import SceneSource, make_scene
from edge.bench.summary import faces_found, matched, summarize
from edge.build import build_parts
from edge.config import Config, parse_config
from edge.errors import SourceError
from edge.messages import Box, Frame
from edge.pipeline import Parts
from edge.privacy import Privacy
from edge.sources.fake import FakeSource
from edge.stages import LATENCY, STAGES

CONFIG = bench_config(Config())
SHORT = Plan(rounds=1, round_s=0.0, min_frames=4, warm_up=3)


@pytest.fixture(scope="module")
def parts() -> Parts:
    return build_parts(CONFIG)


@pytest.fixture
def privacy(tmp_path: Path) -> Privacy:
    return Privacy(tmp_path / "privacy.json")


def grey_frames(count: int) -> Iterator[Frame]:
    for number in range(count):
        yield Frame(np.full((240, 320), 99, np.uint8), float(number), float(number), number)


def test_a_round_has_every_stage_of_every_frame_but_the_warm_up(parts: Parts, privacy: Privacy) -> None:
    scene = make_scene("320x240-1")
    taken = run_round(parts, CONFIG, privacy, lambda: SceneSource(scene), SHORT)
    assert taken.size == (320, 240)
    assert {stage: len(taken.times[stage]) for stage in STAGES} == dict.fromkeys(STAGES, SHORT.min_frames)
    assert taken.times[LATENCY] == []
    for number, total_s in enumerate(taken.times[END_TO_END]):
        assert total_s >= sum(taken.times[stage][number] for stage in STAGES)
    assert taken.wall_s >= sum(taken.times[END_TO_END])
    assert taken.cpu_s > 0


def test_every_round_begins_anew(parts: Parts, privacy: Privacy) -> None:
    first, second = fresh(parts, CONFIG), fresh(parts, CONFIG)
    assert first.detector is second.detector
    assert first.classifier is second.classifier
    assert first.tracker is not second.tracker
    assert first.decider is not second.decider


def test_faces_are_looked_for_in_every_frame_of_a_still_room(parts: Parts, privacy: Privacy) -> None:
    taken = run_round(parts, CONFIG, privacy, lambda: FakeSource(grey_frames(8), "ends"), SHORT)
    assert len(taken.times["detect"]) == SHORT.min_frames
    assert taken.times["classify"] == []


def test_of_a_live_source_the_latency_counts(parts: Parts, privacy: Privacy) -> None:
    taken = run_round(parts, CONFIG, privacy, lambda: FakeSource(grey_frames(8), "ends"), SHORT)
    measured = summarize("live", None, [taken])
    assert measured.end_to_end.n == len(taken.times[LATENCY]) == SHORT.min_frames
    # The made-up frames were taken when the machine was switched on.
    assert measured.end_to_end.p50_ms > 1e3 * max(taken.times[END_TO_END])


def test_a_camera_that_is_lost_ends_the_round(parts: Parts, privacy: Privacy) -> None:
    with pytest.raises(SourceError, match="fake source: unplugged"):
        run_round(parts, CONFIG, privacy, lambda: FakeSource(grey_frames(5), "lost"), SHORT)


def test_a_source_that_ends_too_soon_is_an_error(parts: Parts, privacy: Privacy) -> None:
    with pytest.raises(SourceError, match="fake source: ended before 7 frames"):
        run_round(parts, CONFIG, privacy, lambda: FakeSource(grey_frames(7), "ends"), SHORT)


def test_nothing_is_left_out_and_nothing_is_told_to_anybody() -> None:
    wished = parse_config(
        {"mqtt": {"enabled": True}, "history": {"enabled": True}, "adapt": {"fps": 5, "detect_every": 2}}
    )
    config = bench_config(wished)
    assert (config.adapt.fps, config.adapt.motion_gate, config.adapt.max_load, config.adapt.hot_celsius) == (
        0,
        0,
        0,
        0,
    )
    assert config.adapt.detect_every == 2, "what was asked for is measured"
    on = [config.web.enabled, config.mqtt.enabled, config.history.enabled, config.jsonl.stdout]
    assert on == [False] * 4
    assert config.jsonl.file == os.devnull
    assert config.detect == wished.detect


def test_a_summary_holds_all_rounds(parts: Parts, privacy: Privacy) -> None:
    scene = make_scene("320x240-1")
    rounds = [run_round(parts, CONFIG, privacy, lambda: SceneSource(scene), SHORT) for _ in range(2)]
    found = summarize(scene.name, scene.faces, rounds, (1.0, 0.0))
    assert found.frames == found.end_to_end.n == 2 * SHORT.min_frames
    assert len(found.rounds_p50_ms) == 2
    assert set(found.stages) == set(STAGES)
    assert found.curve_ms[-1] == found.end_to_end.max_ms
    assert found.seconds == pytest.approx(found.frames / found.fps, abs=0.001)


def test_the_detector_of_the_settings_finds_the_face_of_the_headline(parts: Parts) -> None:
    found, wrong = faces_found(parts.detector, make_scene("640x480-1"))
    assert found == 1.0
    assert wrong <= 0.25


def test_a_box_covers_one_face_at_most() -> None:
    shown = [Box(0, 0, 10, 10), Box(1, 0, 11, 10), Box(50, 50, 60, 60)]
    assert matched([Box(0, 0, 10, 10)], shown) == 1
    assert matched([Box(0, 0, 10, 10), Box(1, 0, 11, 10), Box(80, 80, 90, 90)], shown) == 2
    assert matched([], shown) == 0
