"""The float model as a detector, so that it is measured by the very code that measures the int8 file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edge.config import DetectConfig
from edge.detect.grid import STRIDES, decode, suppress
from edge.detect.scaling import MAX_FACES, Shrunk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.messages import Face


class FloatDetector:
    """A Keras model of any size, on pictures as large as they come."""

    def __init__(self, model: Any, *, min_score: float, min_face_px: int = 8) -> None:
        import keras

        self._to_numpy = keras.ops.convert_to_numpy
        self._model = model
        self._config = DetectConfig(min_score=min_score, min_face_px=min_face_px, width_px=1920)

    def detect(self, luma: NDArray[np.uint8]) -> list[Face]:
        shrunk = Shrunk(luma, self._config.width_px)
        height, width = shrunk.luma.shape
        # Square steps of 64 px keep the number of shapes, each of which is traced anew, small.
        padded = np.zeros((1, *(-(-side // (2 * STRIDES[-1])) * 2 * STRIDES[-1] for side in (height, width)), 1))
        padded[0, :height, :width, 0] = shrunk.luma / 255
        cells = self._to_numpy(self._model(padded.astype(np.float32), training=False))[0]
        boxes, scores = decode(cells, min_score=self._config.min_score)
        return shrunk.faces(*suppress(boxes, scores, MAX_FACES), self._config)
