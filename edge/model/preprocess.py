"""From a face box in a luma frame to a model's input: the one crop that training and the device share."""

from __future__ import annotations

from typing import Annotated

import cv2
import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from edge.messages import Box


class CropContract(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a face box becomes the square that a classifier was trained on.

    The square's side is `scale` times the longer side of the box; its centre is the box's centre moved by
    `offset_x` box widths to the right and `offset_y` box heights down. Pixels outside the frame repeat
    its edge.
    """

    size_px: Annotated[int, Meta(ge=8, le=512)] = 48
    scale: Annotated[float, Meta(ge=0.5, le=3.0)] = 1.0
    offset_x: Annotated[float, Meta(ge=-0.5, le=0.5)] = 0.0
    offset_y: Annotated[float, Meta(ge=-0.5, le=0.5)] = 0.0

    def square(self, box: Box) -> Box:
        """The region of the frame that the crop shows, in pixels; it may reach over the frame's edge."""
        x, y = box.centre
        x += self.offset_x * box.width
        y += self.offset_y * box.height
        half = self.scale * max(box.width, box.height) / 2
        return Box(x - half, y - half, x + half, y + half)


FER_CROP = CropContract(scale=0.94, offset_y=-0.01)
"""Gives back FER-2013's crop from a box in Mien's convention.

Three measurements that agree: the median over 3,877 FER faces placed on a wall and found by YuNet (0.925, +0.002;
half of the faces between 0.83 and 1.03; `mien-train measure-crop`); the crop of 1,179 faces in photos whose mean
looks most like FER's mean face (0.97, -0.015); and FER's own origin, the square of OpenCV's Haar cascade
(0.92 to 0.94, -0.01). A classifier's accuracy is the same within a point from 0.82 to 0.98.
"""


def crop_face(
    luma: NDArray[np.uint8], box: Box, contract: CropContract, *, mirrored: bool = False
) -> NDArray[np.uint8]:
    """A face as the classifier wants it: uint8, shape (size_px, size_px, 1).

    luma: uint8, shape (height, width), strided views allowed.
    Raises ValueError if the box has no area or the frame no pixel.
    """
    if luma.ndim != 2 or luma.size == 0:
        raise ValueError(f"a luma frame has shape (height, width), both above 0; got {luma.shape}")
    if not box.area > 0:  # also catches NaN
        raise ValueError(f"a face box needs an area; got {box}")
    square = contract.square(box)
    x_min, y_min = round(square.x_min), round(square.y_min)
    side = max(1, round(square.width))
    height, width = luma.shape
    x_max, y_max = x_min + side, y_min + side
    # Repeating the edge pixel by index keeps a box far outside the frame cheap and safe.
    if x_min < 0 or y_min < 0 or x_max > width or y_max > height:
        rows = np.clip(np.arange(y_min, y_max), 0, height - 1)
        columns = np.clip(np.arange(x_min, x_max), 0, width - 1)
        patch = luma[np.ix_(rows, columns)]
    else:
        patch = luma[y_min:y_max, x_min:x_max]
    return resize_face(patch, contract.size_px, mirrored=mirrored)


def resize_face(patch: NDArray[np.uint8], size_px: int, *, mirrored: bool = False) -> NDArray[np.uint8]:
    """A face patch of any size as model input: uint8, shape (size_px, size_px, 1).

    Shrinking averages areas (no aliasing), enlarging interpolates linearly. Raises ValueError if a side is 0.
    """
    if patch.ndim != 2 or patch.size == 0:
        raise ValueError(f"a face patch has shape (height, width), both above 0; got {patch.shape}")
    if patch.shape != (size_px, size_px):
        shrinks = min(patch.shape) >= size_px
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        patch = np.asarray(cv2.resize(patch, (size_px, size_px), interpolation=method), np.uint8)
    if mirrored:
        patch = patch[:, ::-1]
    return np.ascontiguousarray(patch)[:, :, np.newaxis]


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores that sum to 1 over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), np.float32)
