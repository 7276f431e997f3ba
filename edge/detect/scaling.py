"""Between a frame and the smaller picture that a detector searches: all backends shrink and scale back by this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge.messages import Box, Face

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.config import DetectConfig

MAX_ASPECT = 3.0
"""A picture searched is at most so many times as high as `detect.width_px`, so that a strip of any length stays
cheap; cameras on their side need 1.8."""

MAX_FACES = 300
"""The best so many are kept: a Pi tells no more apart, and each costs a classification."""


class Shrunk:
    """A frame at the size that is searched.

    luma: uint8, shape (height, width), contiguous; never larger than the frame.
    scale_x, scale_y: pixels of the frame in one pixel of it.
    """

    def __init__(self, luma: NDArray[np.uint8], width_px: int) -> None:
        if luma.ndim != 2 or luma.size == 0:
            raise ValueError(f"a luma frame has shape (height, width), both above 0; got {luma.shape}")
        height, width = luma.shape
        factor = min(1.0, width_px / width, MAX_ASPECT * width_px / height)
        if factor < 1:
            size = max(1, round(width * factor)), max(1, round(height * factor))
            luma = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)
        self.luma = np.ascontiguousarray(luma)
        self.scale_x = width / self.luma.shape[1]
        self.scale_y = height / self.luma.shape[0]

    def faces(self, boxes: NDArray[Any], scores: NDArray[Any], config: DetectConfig) -> list[Face]:
        """What was found, in pixels of the frame, best first, without what is too weak, too small or one too many.

        boxes: shape (n, 4): x_min, y_min, x_max, y_max in pixels of `luma`. scores: shape (n,).
        """
        boxes = boxes * np.array([self.scale_x, self.scale_y, self.scale_x, self.scale_y])
        sides = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
        # A weight file gone bad gives NaN, which no comparison keeps.
        kept = np.flatnonzero((scores >= config.min_score) & (sides >= config.min_face_px))
        best = kept[np.argsort(-scores[kept], kind="stable")][:MAX_FACES]
        return [Face(Box(*map(float, boxes[i])), min(1.0, float(scores[i]))) for i in best]
