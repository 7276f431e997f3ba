"""Camera buffers to luma: both ranges end in the same picture, damage is told."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.sources.luma import crop_plane, expand, to_luma

SIZE = (16, 8)


def ramp() -> NDArray[np.uint8]:
    """Every second level once, smooth from top to bottom."""
    return np.arange(0, 256, 2, dtype=np.uint8).reshape(SIZE[1], SIZE[0])


def limited(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """As BT.601 video carries it."""
    return np.round(16 + luma / 255 * 219).astype(np.uint8)


def with_chroma(luma: NDArray[np.uint8], pixel_format: str) -> NDArray[np.uint8]:
    """A whole buffer of a limited-range format, as a driver gives it: one row of bytes."""
    chroma = np.full_like(luma, 99)
    if pixel_format == "YUYV":
        return np.stack([luma, chroma], axis=2).reshape(-1)
    if pixel_format == "UYVY":
        return np.stack([chroma, luma], axis=2).reshape(-1)
    return np.concatenate([luma.reshape(-1), chroma.reshape(-1)[: luma.size // 2]])


def test_widening_takes_16_to_0_and_235_to_255_and_clips_what_lies_outside() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    exact = np.clip((levels.astype(float) - 16) * 255 / 219, 0, 255).round().astype(np.uint8)
    assert np.array_equal(expand(levels), exact)
    assert [int(exact.flat[level]) for level in (0, 16, 126, 235, 255)] == [0, 0, 128, 255, 255]


@pytest.mark.parametrize("pixel_format", ["YUYV", "UYVY", "NV12", "NV21", "YU12", "YV12"])
def test_a_limited_range_buffer_comes_out_as_the_full_range_picture_that_it_shows(pixel_format: str) -> None:
    luma = to_luma(with_chroma(limited(ramp()), pixel_format), pixel_format, SIZE)
    assert luma is not None
    assert luma.shape == (8, 16)
    assert np.abs(luma.astype(int) - ramp()).max() <= 1


def test_grey_is_full_range_already() -> None:
    luma = to_luma(ramp().reshape(-1), "GREY", SIZE)
    assert luma is not None
    assert np.array_equal(luma, ramp())


def test_a_jpeg_is_full_range_already() -> None:
    content = cv2.imencode(".jpg", ramp(), [cv2.IMWRITE_JPEG_QUALITY, 100])[1]
    luma = to_luma(np.asarray(content, np.uint8), "MJPG", SIZE)
    assert luma is not None
    assert np.abs(luma.astype(int) - ramp()).max() <= 3


def test_a_colour_jpeg_with_bytes_behind_it_gives_its_luma() -> None:
    content = cv2.imencode(".jpg", cv2.cvtColor(ramp(), cv2.COLOR_GRAY2BGR), [cv2.IMWRITE_JPEG_QUALITY, 100])[1]
    padded = np.concatenate([np.asarray(content, np.uint8).reshape(-1), np.zeros(300, np.uint8)])
    luma = to_luma(padded.reshape(1, -1), "MJPG", SIZE)
    assert luma is not None
    assert np.abs(luma.astype(int) - ramp()).max() <= 3


@pytest.mark.parametrize("pixel_format", ["YUYV", "NV12", "GREY", "MJPG"])
@settings(derandomize=True, deadline=None)
@given(content=st.binary(max_size=120))
def test_a_short_or_senseless_buffer_is_damaged(pixel_format: str, content: bytes) -> None:
    assert to_luma(np.frombuffer(content, np.uint8), pixel_format, SIZE) is None


def test_a_jpeg_of_another_size_is_damaged() -> None:
    content = np.asarray(cv2.imencode(".jpg", ramp())[1], np.uint8)
    assert to_luma(content, "MJPG", (8, 8)) is None


def test_what_is_given_does_not_share_the_drivers_memory() -> None:
    for pixel_format in ("YUYV", "NV12", "GREY"):
        buffer = np.full(2 * SIZE[0] * SIZE[1], 100, np.uint8)
        luma = to_luma(buffer, pixel_format, SIZE)
        assert luma is not None
        before = luma.copy()
        buffer[:] = 7
        assert np.array_equal(luma, before)


def test_the_first_plane_is_cropped_to_the_width_without_a_copy() -> None:
    stride = 24
    buffer = np.full((SIZE[1] * 3 // 2, stride), 0xA5, np.uint8)
    buffer[: SIZE[1], : SIZE[0]] = ramp()
    for content in (buffer, buffer.reshape(-1)):
        plane = crop_plane(content, SIZE, stride)
        assert np.array_equal(plane, ramp())
        assert np.shares_memory(plane, buffer)


def test_expanding_leaves_its_input_alone() -> None:
    luma = limited(ramp())
    before = luma.copy()
    expand(luma)
    assert np.array_equal(luma, before)
