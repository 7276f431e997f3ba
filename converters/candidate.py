"""A converted file as it will run: raw bytes of a picture in, real numbers out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from converters.errors import ConversionError
from converters.flatbuffer import read_file, read_graph
from converters.sources import picture_shape
from edge.errors import ModelError
from edge.model.interpreter import Interpreter, dequantize
from edge.model.package import read_package, unpack
from edge.model.preprocess import softmax


class Candidate(Struct, frozen=True, eq=False):
    """shape: (height, width, channels). labels, activation: None where the file does not say (it is no package)."""

    path: Path
    content: bytes
    shape: tuple[int, int, int]
    interpreter: Interpreter
    labels: tuple[str, ...] | None
    activation: str | None

    def predict(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Outputs as real numbers, each (n, ...), for uint8 pictures (n, height, width, channels)."""
        details = self.interpreter.outputs
        each = [self.interpreter.invoke(raw_input(picture, self.interpreter.input)) for picture in pixels]
        return [np.stack([dequantize(arrays[k][0], details[k]) for arrays in each]) for k in range(len(details))]


def open_candidate(path: Path) -> Candidate:
    """A packaged or bare .tflite file. Raises ConversionError or ModelError, naming what does not hold."""
    content = read_file(path)
    read_graph(content, str(path))
    labels, activation = None, None
    if is_packaged(content, path):
        package = read_package(path)
        content, labels, activation = package.flatbuffer, package.labels, package.manifest.activation
    interpreter = Interpreter(content, where=str(path))
    details = interpreter.input
    if np.dtype(details["dtype"]) not in (np.uint8, np.float32):
        raise ConversionError(f"{path}: input is {np.dtype(details['dtype']).name}: uint8 or float32 is expected")
    sides = tuple(int(side) if side > 0 else None for side in details["shape_signature"])
    return Candidate(path, content, picture_shape(sides, None, str(path)), interpreter, labels, activation)


def is_packaged(content: bytes, path: Path) -> bool:
    """Whether a zip was appended; a file that only looks so is told by what reads it next."""
    try:
        unpack(content, str(path))
    except ModelError:
        return b"PK\x05\x06" in content[-(1 << 16) :]
    return True


def raw_input(picture: NDArray[np.uint8], details: dict[str, Any]) -> NDArray[Any]:
    """A picture as the interpreter takes it: its bytes, or for a float model byte / 255; batch 1."""
    if np.dtype(details["dtype"]) == np.uint8:
        return picture[np.newaxis]
    return (picture.astype(np.float32) / np.float32(255))[np.newaxis]


def as_scores(values: NDArray[np.float32], activation: str | None) -> NDArray[np.float32]:
    """Classifier outputs (n, labels) as scores; without a manifest, rows that sum to 1 are taken for scores."""
    if activation is None:
        sums = values.sum(axis=-1)
        activation = "scores" if values.min() >= 0 and np.abs(sums - 1).max() < 0.05 else "logits"
    if activation == "logits":
        return softmax(values)
    return np.asarray(values / np.maximum(values.sum(axis=-1, keepdims=True), 1e-6), np.float32)
