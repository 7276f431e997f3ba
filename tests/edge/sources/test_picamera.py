"""The Pi's camera through a fake picamera2: the luma plane alone, on the sensor's own time."""

import importlib.util
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from edge.config import SourceConfig
from edge.errors import SourceError
from edge.sources import picamera
from edge.sources.fake import FakeClock
from edge.sources.fake_picamera import PADDING, FakePicamera2, fake_library
from edge.sources.newest import LiveSource

CONFIG = SourceConfig(width=100, height=70, fps=12.0)
PATIENCE_S = 10.0
USB = {"Model": "HD Webcam", "Id": "/base/scb/pcie@7d500000/usb@0,0-1:1.0-046d:0825"}


def numbered(number: int) -> NDArray[np.uint8]:
    return np.full((CONFIG.height, CONFIG.width), number, np.uint8)


@contextmanager
def opened(camera: FakePicamera2, config: SourceConfig = CONFIG) -> Iterator[LiveSource]:
    """The source on a camera that has already sent what it has."""
    source = picamera.open_source(config, FakeClock(), fake_library(camera))
    try:
        assert camera.all_read.wait(PATIENCE_S)
        yield source
    finally:
        source.close()


def test_full_range_yuv_of_the_configured_size_and_rate_is_asked_for() -> None:
    camera = FakePicamera2([numbered(1)])
    with opened(camera):
        assert camera.wanted["lores"]["format"] == "YUV420"
        assert camera.wanted["lores"]["size"] == (100, 70)
        assert camera.wanted["colour_space"] == "sYCC"
        assert camera.wanted["controls"] == {"FrameRate": 12.0}


def test_an_exposure_that_is_set_is_held() -> None:
    camera = FakePicamera2([numbered(1)])
    with opened(camera, replace(CONFIG, exposure_ms=12.5)):
        assert camera.wanted["controls"] == {"FrameRate": 12.0, "ExposureTime": 12500}


def test_an_odd_size_is_rounded_down_to_what_the_camera_can() -> None:
    camera = FakePicamera2([np.zeros((64, 98), np.uint8)])
    with opened(camera, SourceConfig(width=99, height=65)) as source:
        assert next(iter(source)).size == (98, 64)


def test_the_rows_are_cropped_to_the_width_and_the_colours_left_out() -> None:
    ramp = np.arange(7000, dtype=np.uint16).reshape(70, 100).astype(np.uint8)
    camera = FakePicamera2([ramp], goes_on=False)
    with opened(camera) as source:
        assert camera.wanted["lores"]["stride"] > 100
        assert np.array_equal(next(iter(source)).luma, ramp)


def test_every_buffer_goes_back_to_the_camera_and_frames_outlive_it() -> None:
    camera = FakePicamera2([numbered(7)], goes_on=False)
    with opened(camera) as source:
        frame = next(iter(source))
        assert camera.requests[0].released
        assert (camera.requests[0].buffer == PADDING).all()
        assert (frame.luma == 7).all()


def test_the_newest_frame_wins_and_the_others_are_counted() -> None:
    with opened(FakePicamera2([numbered(1), numbered(2), numbered(3)], goes_on=False)) as source:
        frame = next(iter(source))
        assert (frame.sequence, int(frame.luma[0, 0]), source.dropped) == (2, 3, 2)


def test_a_frames_time_is_the_sensors_on_the_monotonic_clock() -> None:
    asleep_s = time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
    stamp_ns = round((900.25 + asleep_s) * 1e9)
    with opened(FakePicamera2([numbered(1)], [stamp_ns], goes_on=False)) as source:
        frame = next(iter(source))
        assert frame.time_s == pytest.approx(900.25, abs=0.01)
        assert frame.captured_at == pytest.approx(1.7e9 - 99.75, abs=0.01)


def test_a_camera_that_sends_nothing_more_is_lost() -> None:
    camera = FakePicamera2([numbered(1)], goes_on=False)
    capture = picamera.PicameraCapture(fake_library(camera), CONFIG, FakeClock())
    source = LiveSource(capture, FakeClock(), frozen_s=0.05)
    assert camera.all_read.wait(PATIENCE_S)
    frames = iter(source)
    next(frames)
    with pytest.raises(SourceError, match=r"^Pi camera \(imx708\): no frame for 0\.05 s"):
        next(frames)
    source.close()
    assert camera.closed.is_set()


def test_a_camera_in_use_is_one_line() -> None:
    with pytest.raises(
        SourceError, match=r"^Pi camera \(imx708\): does not start: .*is another program using it\?$"
    ):
        picamera.open_source(CONFIG, FakeClock(), fake_library(None))


def test_a_usb_camera_that_libcamera_lists_is_not_the_pis() -> None:
    library = fake_library(None, [USB])
    assert picamera.first_camera(library) is None
    with pytest.raises(SourceError, match="no camera found: check its ribbon cable"):
        picamera.open_source(CONFIG, FakeClock(), library)
    both = fake_library(None, [{"Model": "imx219", "Id": "/base/i2c/imx219@10"}, USB])
    assert picamera.first_camera(both) == "imx219"


def test_a_libcamera_that_cannot_start_is_one_line() -> None:
    class Broken:
        @staticmethod
        def global_camera_info() -> list[dict[str, str]]:
            raise RuntimeError("Failed to start camera manager")

    library = fake_library(None)._replace(camera=Broken)
    with pytest.raises(SourceError, match=r"cannot list the cameras: Failed to start camera manager$"):
        picamera.open_source(CONFIG, FakeClock(), library)


@pytest.mark.skipif(importlib.util.find_spec("picamera2") is not None, reason="picamera2 is installed here")
def test_without_picamera2_nothing_is_found_and_the_line_says_how_to_get_it() -> None:
    assert picamera.find(CONFIG) is None
    with pytest.raises(SourceError, match="sudo apt install python3-picamera2") as caught:
        picamera.open_source(CONFIG)
    assert "\n" not in str(caught.value)
