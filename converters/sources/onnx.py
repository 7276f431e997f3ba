"""ONNX models, through onnx2tf in an environment of its own."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converters.errors import ConversionError
from converters.onnx_environment import onnx_python, work
from converters.sources import Options, picture_shape, saved_model


class OnnxSource:
    """An ONNX file; its picture is NCHW inside and NHWC here."""

    kind = "ONNX"

    def __init__(self, path: Path, python: Path, shape: tuple[int, int, int], size: tuple[int, int] | None) -> None:
        self.path = path
        self.shape = shape
        self._python = python
        self._size = size

    def predict(self, values: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """What ONNX Runtime makes of inputs of shape (n, height, width, channels)."""
        with tempfile.TemporaryDirectory(prefix="mien-onnx-") as name:
            inputs, outputs = Path(name) / "inputs.npy", Path(name) / "outputs.npz"
            np.save(inputs, values)
            _work(self.path, self._python, "predict", str(self.path.resolve()), str(inputs), str(outputs))
            with np.load(outputs) as arrays:
                return [np.asarray(arrays[str(number)], np.float32) for number in range(len(arrays.files))]

    def saved_model(self, folder: Path, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        """Writes a SavedModel of batch 1 with the weights of the file."""
        sides = [] if self._size is None else [str(side) for side in self._size]
        with tempfile.TemporaryDirectory(prefix="mien-onnx-") as name:
            made = Path(name) / "saved_model"
            _work(self.path, self._python, "convert", str(self.path.resolve()), str(made), *sides)
            height, width, _ = self.shape
            source = saved_model.load(made, Options(size=(width, height)))
            source.saved_model(folder, mean, std)


def load(path: Path, options: Options) -> OnnxSource:
    """The model in a file. Raises ConversionError."""
    python = onnx_python()
    found = json.loads(_work(path, python, "look", str(path.resolve())).splitlines()[-1])
    if found["foreign"]:
        raise ConversionError(f"{path}: custom operators: {', '.join(found['foreign'][:5])}")
    if len(found["inputs"]) != 1:
        raise ConversionError(f"{path}: {len(found['inputs'])} inputs: one picture is expected")
    entry = found["inputs"][0]
    if entry["type"] != "FLOAT":
        raise ConversionError(f"{path}: input is {entry['type'].lower()}: a float picture is expected")
    shape = entry["shape"]
    if len(shape) == 4:  # (batch, channels, height, width)
        shape = [shape[0], shape[2], shape[3], shape[1]]
    height, width, channels = picture_shape(tuple(shape), options.size, str(path))
    return OnnxSource(path, python, (height, width, channels), options.size)


def _work(path: Path, python: Path, *arguments: str) -> str:
    try:
        return work(python, *arguments)
    except ConversionError as error:
        raise ConversionError(f"{path}: no ONNX model that can be converted: {error}") from error
