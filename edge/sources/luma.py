"""Camera buffers to luma: pure functions from the bytes of a pixel format to uint8 (height, width), full range.

YUYV and its kin carry 16 for black and 235 for white (ITU-R BT.601); they are widened here, once.
MJPG is JPEG and GREY is grey: both use 0 to 255 already.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

LIMITED = frozenset({"YUYV", "UYVY", "NV12", "NV21", "YU12", "YV12"})
"""Pixel formats that span 16..235."""
JPEGS = frozenset({"MJPG", "JPEG"})
SUPPORTED = LIMITED | JPEGS | {"GREY"}


def expand(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Limited range (16..235) as full range (0..255); what lies outside is clipped."""
    # Two steps that saturate: the same bytes as a table of 256 in a third of its time, since they are vectorized.
    return np.asarray(cv2.convertScaleAbs(cv2.subtract(luma, 16), alpha=255 / 219), np.uint8)  # type: ignore[call-overload]


def to_luma(buffer: NDArray[np.uint8], pixel_format: str, size: tuple[int, int]) -> NDArray[np.uint8] | None:
    """A V4L2 buffer as luma; None if it is damaged (too short, no JPEG, another size).

    buffer: uint8, any shape; only its bytes count. pixel_format: one of SUPPORTED.
    """
    content = np.ascontiguousarray(buffer).reshape(-1)
    if pixel_format in JPEGS:
        return _from_jpeg(content, size)
    width, height = size
    if pixel_format in ("YUYV", "UYVY"):
        if content.size < 2 * width * height:
            return None
        pairs = content[: 2 * width * height].reshape(height, width, 2)
        return expand(np.asarray(cv2.extractChannel(pairs, 0 if pixel_format == "YUYV" else 1), np.uint8))
    if content.size < width * height:
        return None
    luma = crop_plane(content, size, stride=width)
    return expand(luma) if pixel_format in LIMITED else luma.copy()


def crop_plane(content: NDArray[np.uint8], size: tuple[int, int], stride: int) -> NDArray[np.uint8]:
    """The first plane of a planar buffer (YUV420, NV12) without the padding of its rows: a view.

    content: uint8; size: (width, height); stride: bytes from one row to the next, at least the width.
    """
    width, height = size
    return content.reshape(-1)[: stride * height].reshape(height, stride)[:, :width]


def _from_jpeg(content: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8] | None:
    try:
        picture = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)
    except cv2.error:  # an empty buffer
        return None
    if picture is None or picture.shape != (size[1], size[0]):
        return None
    return np.asarray(picture, np.uint8)
