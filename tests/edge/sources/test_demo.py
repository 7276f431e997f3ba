"""The demo follows its script, the same at every run, and its face is where the script says."""

import itertools
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from msgspec.structs import replace

from edge.config import SourceConfig, TrackConfig
from edge.errors import SourceError
from edge.messages import Box
from edge.sources import demo
from edge.sources.fake import FakeClock

CONFIG = SourceConfig()
FRAMES = 200
ASSETS = demo.PORTRAIT.parent


@cache
def scene() -> demo.Scene:
    return demo.Scene(CONFIG)


@cache
def haar_faces(number: int) -> list[Box]:
    """What OpenCV's own detector finds in a frame at half its size."""
    finder = cv2.CascadeClassifier(f"{cv2.data.haarcascades}haarcascade_frontalface_default.xml")
    small = cv2.resize(scene().render(number), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    found = finder.detectMultiScale(small, 1.1, 4, minSize=(40, 40))
    return [Box(2 * x, 2 * y, 2 * (x + w), 2 * (y + h)) for x, y, w, h in found]


def phases(frames: int) -> list[str]:
    return [demo.moment(number, CONFIG.fps).phase.name for number in range(frames)]


def test_a_frame_is_the_same_whenever_and_in_whatever_order_it_is_drawn() -> None:
    other = demo.Scene(CONFIG)
    for number in (120, 30, 95, 30):
        assert np.array_equal(scene().render(number), other.render(number))


def test_the_script_begins_again_after_its_period() -> None:
    period = round(demo.PERIOD_S * CONFIG.fps)
    assert period / CONFIG.fps == pytest.approx(demo.PERIOD_S)
    for number in (3, 40, 100):
        assert demo.expected(number) == demo.expected(number + period)
        assert np.array_equal(scene().render(number), scene().render(number + period))


def test_a_face_appears_moves_grows_dims_is_lost_and_returns_within_200_frames() -> None:
    order = [name for name, _ in itertools.groupby(phases(FRAMES))]
    assert order == [phase.name for phase in demo.SCRIPT[: len(order)]]
    assert {"enters", "moves", "comes closer", "dims", "covered", "hidden", "returns", "leaves"} <= set(order)


def test_the_face_is_covered_for_less_than_a_track_outlives_and_hidden_for_longer() -> None:
    lengths_s = {phase.name: phase.duration_s for phase in demo.SCRIPT}
    away_s = lengths_s["gone"] + lengths_s["empty"]
    assert lengths_s["covered"] < TrackConfig().max_gap_s < min(lengths_s["hidden"], away_s)


def test_a_tracker_can_follow_the_face_from_each_frame_to_the_next() -> None:
    for number in range(FRAMES):
        here, there = demo.expected(number), demo.expected(number + 1)
        if here is not None and there is not None:
            assert here.iou(there) > TrackConfig().min_iou + 0.1


def test_a_detector_finds_the_face_where_the_script_says_and_nothing_else() -> None:
    for number in range(0, FRAMES, 7):
        expected, found = demo.expected(number), haar_faces(number)
        whole = expected is not None and expected.x_min > 0 and expected.x_max < CONFIG.width
        if whole:
            assert len(found) == 1, number
            assert found[0].iou(expected) > 0.7, number
        elif expected is None:
            assert found == [], number


def test_a_face_that_is_half_outside_the_frame_is_not_expected() -> None:
    for number in range(FRAMES):
        box = demo.expected(number)
        if box is not None:
            x, y = box.centre
            assert -1 <= x <= CONFIG.width + 1
            assert -1 <= y <= CONFIG.height + 1


def test_dimming_is_to_be_seen() -> None:
    bright, dim = (scene().render(phases(FRAMES).index(name)) for name in ("dims", "brightens"))
    assert dim.mean() < 0.6 * bright.mean()


@pytest.mark.parametrize(("width", "height"), [(64, 64), (320, 240), (240, 320), (1280, 720), (97, 65)])
def test_every_size_is_drawn_and_the_face_fits(width: int, height: int) -> None:
    config = replace(CONFIG, width=width, height=height)
    other = demo.Scene(config)
    for number in range(0, FRAMES, 10):
        assert other.render(number).shape == (height, width)
    box = demo.expected(phases(FRAMES).index("comes closer") + 17, config)
    assert box is not None
    assert box.x_min >= 0
    assert box.y_min >= 0
    assert box.x_max <= width
    assert box.y_max <= height


def test_the_script_keeps_its_time_at_another_frame_rate() -> None:
    faster = replace(CONFIG, fps=30.0)
    for number in range(0, FRAMES, 7):
        assert demo.expected(2 * number, faster) == demo.expected(number)


def test_as_fast_as_it_is_read_no_frame_is_dropped() -> None:
    clock = FakeClock()
    source = demo.open_source(replace(CONFIG, realtime=False), clock)
    frames = list(itertools.islice(source, 30))
    assert [frame.sequence for frame in frames] == list(range(30))
    assert [frame.time_s for frame in frames] == pytest.approx([number / 15 for number in range(30)])
    assert (source.live, source.dropped, clock.monotonic()) == (False, 0, 1000.0)


def test_in_real_time_it_is_live_and_keeps_its_pace() -> None:
    clock = FakeClock(monotonic_s=500.0)
    source = demo.open_source(CONFIG, clock)
    frames = list(itertools.islice(source, 16))
    assert source.live
    assert clock.monotonic() == pytest.approx(501.0)
    assert frames[-1].time_s == pytest.approx(501.0)


def test_a_slow_reader_gets_the_newest_frame_and_the_count_of_the_others() -> None:
    clock = FakeClock()
    source = demo.open_source(CONFIG, clock)
    frames = iter(source)
    next(frames)
    clock.pass_by(0.5)
    later = next(frames)
    assert later.sequence == 7
    assert source.dropped == 6
    assert np.array_equal(later.luma, scene().render(7))


def test_a_machine_that_slept_goes_on_at_once() -> None:
    clock = FakeClock()
    source = demo.open_source(CONFIG, clock)
    frames = iter(source)
    before = next(frames)
    clock.pass_by(3600)
    after = next(frames)
    assert after.sequence <= 16
    assert after.time_s == pytest.approx(clock.monotonic())
    assert after.time_s > before.time_s


def test_a_missing_portrait_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(demo, "PORTRAIT", tmp_path / "portrait.jpg")
    with pytest.raises(SourceError, match=r"portrait\.jpg: the demo's portrait is missing"):
        demo.open_source(CONFIG)


def test_the_portrait_is_what_the_lines_beside_it_make(tmp_path: Path) -> None:
    pytest.importorskip("skimage", reason="scikit-image is in the development environment only")
    lines = re.search(r"```python\n(.*?)```", (ASSETS / "README.md").read_text(), re.DOTALL)
    assert lines
    subprocess.run([sys.executable, "-c", lines[1]], cwd=tmp_path, check=True)
    made, shipped = (
        cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).astype(int)
        for path in (tmp_path / "portrait.jpg", demo.PORTRAIT)
    )
    assert np.abs(made - shipped).max() <= 2  # JPEG libraries round differently
