"""A V4L2 camera: what is asked of it, what comes of it, and how it may be lost."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.config import SourceConfig
from edge.errors import SourceError
from edge.sources import v4l2
from edge.sources.fake import FakeClock, FakeVideoDevice
from edge.sources.newest import LiveSource

CONFIG = SourceConfig(width=64, height=64, fps=15.0)
NAME = "/dev/video0 (HD Webcam)"
PATIENCE_S = 10.0


def grey(level: int) -> np.ndarray:
    """A YUYV buffer of one level."""
    buffer = np.full((64, 64, 2), 128, np.uint8)
    buffer[..., 0] = level
    return buffer


@contextmanager
def opened(device: FakeVideoDevice, clock: FakeClock | None = None) -> Iterator[LiveSource]:
    """The source on a device that has already sent what it has."""
    source = v4l2.open_device(device, NAME, CONFIG, clock or FakeClock())
    try:
        assert device.all_read.wait(PATIENCE_S)
        yield source
    finally:
        device.thaw.set()
        source.close()


def test_raw_frames_of_the_configured_size_and_rate_are_asked_for() -> None:
    asked: list[tuple[int, float]] = []

    class Device(FakeVideoDevice):
        def set(self, prop: int, value: float) -> bool:
            asked.append((prop, value))
            return super().set(prop, value)

    with opened(Device([grey(100)], {"YUYV": 30.0})):
        assert dict(asked) == {
            cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"YUYV"),
            cv2.CAP_PROP_FRAME_WIDTH: 64,
            cv2.CAP_PROP_FRAME_HEIGHT: 64,
            cv2.CAP_PROP_FPS: 15.0,
            cv2.CAP_PROP_CONVERT_RGB: 0,
        }


@pytest.mark.parametrize(
    ("formats", "agreed"),
    [
        ({"YUYV": 30.0, "MJPG": 30.0}, "YUYV"),
        ({"YUYV": 5.0, "MJPG": 30.0}, "MJPG"),
        ({"MJPG": 30.0}, "MJPG"),
        ({"YUYV": 5.0}, "YUYV"),
        ({"GREY": 30.0}, "GREY"),
    ],
)
def test_yuyv_is_taken_where_it_is_fast_enough_mjpg_else(
    formats: dict[str, float], agreed: str, caplog: pytest.LogCaptureFixture
) -> None:
    device = FakeVideoDevice([grey(100)], formats)
    with caplog.at_level(logging.INFO, "mien"), opened(device):
        assert f"{NAME}: 64x64 {agreed}" in caplog.text
        assert ("16-235 widened to 0-255" in caplog.text) == (agreed == "YUYV")


def test_a_camera_whose_format_we_cannot_read_is_one_line_and_is_let_go() -> None:
    device = FakeVideoDevice([grey(100)], {"H264": 30.0})
    with pytest.raises(SourceError, match=r"^/dev/video0 \(HD Webcam\): sends H264; GREY, .*, YV12 are read$"):
        v4l2.open_device(device, NAME, CONFIG, FakeClock())
    assert device.released.is_set()


def test_a_camera_that_gives_no_first_frame_is_one_line_and_is_let_go() -> None:
    device = FakeVideoDevice([], {"YUYV": 30.0}, ending="unplugged")
    with pytest.raises(SourceError, match="gives no frame: unplugged, or its driver is frozen"):
        v4l2.open_device(device, NAME, CONFIG, FakeClock())
    assert device.released.is_set()


def test_the_newest_frame_wins_and_the_others_are_counted() -> None:
    with opened(FakeVideoDevice([grey(16), grey(126), grey(235)], {"YUYV": 30.0}, ending="frozen")) as source:
        frame = next(iter(source))
        assert (frame.sequence, frame.luma.min(), frame.luma.max(), source.dropped) == (2, 255, 255, 2)


def test_a_camera_unplugged_on_the_way_says_so_after_its_last_frame() -> None:
    device = FakeVideoDevice([grey(100)], {"YUYV": 30.0}, ending="unplugged")
    with opened(device) as source:
        frames = iter(source)
        next(frames)
        with pytest.raises(SourceError, match=r"^/dev/video0 \(HD Webcam\): gives no frame: unplugged"):
            next(frames)
        assert device.released.wait(PATIENCE_S)


@pytest.mark.parametrize(
    ("stamp_s", "time_s"), [(999.9, 999.9), (0.0, 1000.0), (1000.5, 1000.0), (900.0, 1000.0), (1.7e9, 1000.0)]
)
def test_a_drivers_time_stamp_is_believed_only_on_our_clock(stamp_s: float, time_s: float) -> None:
    device = FakeVideoDevice([grey(100)], {"YUYV": 30.0}, ending="frozen", stamps_ms=[stamp_s * 1000])
    with opened(device, FakeClock(monotonic_s=1000.0)) as source:
        assert next(iter(source)).time_s == pytest.approx(time_s)


def test_without_a_camera_the_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(v4l2, "cameras", list)
    assert v4l2.find(CONFIG) is None
    with pytest.raises(SourceError, match="no camera found: plug one in"):
        v4l2.open_source(CONFIG)


def test_the_first_camera_is_found_where_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(v4l2, "cameras", lambda: ["/dev/v4l/by-id/usb-a-video-index0", "/dev/video9"])
    assert v4l2.find(CONFIG) == "/dev/v4l/by-id/usb-a-video-index0"


def test_a_path_is_found_only_where_it_is_a_device(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").touch()
    assert v4l2.find(SourceConfig(path=str(tmp_path / "clip.mp4"))) is None
    assert v4l2.find(SourceConfig(path="/dev/null")) == "/dev/null"


@pytest.mark.parametrize(
    ("value", "name"), [(float(cv2.VideoWriter.fourcc(*"YUYV")), "YUYV"), (0.0, ""), (-1.0, "")]
)
def test_a_fourcc_is_read_back_as_its_name(value: float, name: str) -> None:
    assert v4l2.fourcc_name(value) == name


def test_the_fake_has_what_opencv_has() -> None:
    real: Any = cv2.VideoCapture
    for method in ("set", "get", "grab", "retrieve", "release"):
        assert callable(getattr(real, method))
        assert callable(getattr(FakeVideoDevice, method))
