"""Our own detector: luma in, int8 throughout, in the runtime that classifies, too.

A frame is padded at the right and below to a multiple of 32; the network is fully convolutional and runs at any
such size. docs/DETECTION.md says how it was trained and what it reaches.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge.detect.grid import CHANNELS, STRIDES, decode, suppress
from edge.detect.scaling import MAX_FACES, Shrunk
from edge.errors import ModelError
from edge.model.interpreter import Interpreter
from edge.model.package import BUNDLED, prove_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.config import DetectConfig
    from edge.messages import Face

FILE = "face.tflite"


class Luma:
    """Faces by an int8 network."""

    def __init__(self, interpreter: Interpreter, config: DetectConfig) -> None:
        self._interpreter = interpreter
        self._config = config
        self._padded = np.zeros((1, 0, 0, 1), np.uint8)

    def detect(self, luma: NDArray[np.uint8]) -> list[Face]:
        shrunk = Shrunk(luma, self._config.width_px)
        height, width = shrunk.luma.shape
        self._resize(-(-height // STRIDES[-1]) * STRIDES[-1], -(-width // STRIDES[-1]) * STRIDES[-1])
        self._padded[0, :height, :width, 0] = shrunk.luma
        self._padded[0, height:] = 0
        self._padded[0, :, width:] = 0
        cells = self._interpreter.invoke(self._padded)[0][0]
        scale, zero_point = self._interpreter.outputs[0]["quantization"]
        boxes, scores = decode(cells, scale=scale, zero_point=zero_point, min_score=self._config.min_score)
        return shrunk.faces(*suppress(boxes, scores, MAX_FACES), self._config)

    def _resize(self, height: int, width: int) -> None:
        if self._padded.shape[1:3] != (height, width):
            self._interpreter.resize((1, height, width, 1))
            self._padded = np.zeros((1, height, width, 1), np.uint8)


def load(config: DetectConfig) -> Luma:
    """The bundled detector, or the packaged one that `detect.model` names; proved. Raises ModelError."""
    path = Path(config.model) if config.model else BUNDLED / FILE
    model = prove_model(path)
    if model.manifest.activation != "cells":
        raise ModelError(f"{path}: {model.manifest.name}: no face detector, but what sorts faces")
    return checked(model.interpreter, config, path)


def load_bare(config: DetectConfig) -> Luma:
    """A detector from a .tflite file that is not packaged yet, for training's own use. Raises ModelError."""
    path = Path(config.model)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    return checked(Interpreter(content, where=str(path)), config, path)


def checked(interpreter: Interpreter, config: DetectConfig, path: Path) -> Luma:
    """Raises ModelError unless the network takes luma of any size and gives the cells of three grids."""
    side = 2 * STRIDES[-1]
    try:
        interpreter.resize((1, side, side, 1))
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"{path}: no face detector: it does not take luma of any size") from error
    found = [
        (np.dtype(tensor["dtype"]).name, tuple(int(n) for n in tensor["shape"]))
        for tensor in (interpreter.input, *interpreter.outputs)
    ]
    if found != [("uint8", (1, side, side, 1)), ("int8", (1, 2, 2, CHANNELS))]:
        raise ModelError(f"{path}: no face detector: its input and outputs are {found}")
    if not interpreter.outputs[0]["quantization"][0] > 0:
        raise ModelError(f"{path}: no face detector: its output has no scale")
    return Luma(interpreter, config)
