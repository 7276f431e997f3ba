"""From a face in a frame to a score for each emotion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge.errors import ModelError
from edge.model.interpreter import dequantize
from edge.model.preprocess import crop_face, softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.messages import Box
    from edge.model.package import Model


class Classifier:
    """A proved model, applied to face boxes. Raises ModelError if it takes anything but one luma face."""

    def __init__(self, model: Model) -> None:
        manifest = model.manifest
        size = manifest.crop.size_px
        if manifest.input.shape != (1, size, size, 1) or manifest.input.dtype not in ("uint8", "float32"):
            raise ModelError(
                f"{model.path}: input: {manifest.input.dtype}{manifest.input.shape}: "
                f"a classifier takes uint8 luma (or float32 luma / 255) of shape (1, {size}, {size}, 1)"
            )
        self._takes_bytes = manifest.input.dtype == "uint8"
        self.labels = model.labels
        self.name, self.version = manifest.name, manifest.version
        self._model = model

    def classify(self, luma: NDArray[np.uint8], box: Box, *, mirrored: bool = False) -> NDArray[np.float32]:
        """Scores of the face in the box: float32, shape (labels,), summing to 1.

        luma: uint8, shape (height, width), full range.
        """
        return self.classify_crop(self.crop(luma, box, mirrored=mirrored))

    def crop(self, luma: NDArray[np.uint8], box: Box, *, mirrored: bool = False) -> NDArray[np.uint8]:
        """The face in the box as the model's input: uint8, shape (size_px, size_px, 1)."""
        return crop_face(luma, box, self._model.manifest.crop, mirrored=mirrored)

    def classify_crop(self, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Scores of a crop that is already the model's input: uint8, shape (size_px, size_px, 1)."""
        interpreter = self._model.interpreter
        face = crop if self._takes_bytes else crop.astype(np.float32) / np.float32(255)
        raw = interpreter.invoke(face[np.newaxis])[0][0]
        values = dequantize(raw, interpreter.outputs[0])
        if self._model.manifest.activation == "logits":
            return softmax(values)
        return np.asarray(values / max(float(values.sum()), 1e-6), np.float32)
