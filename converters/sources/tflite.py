"""Float TFLite files. Their graph stays as it is; converters/requantize.py gives it integers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converters.audit import short
from converters.errors import ConversionError
from converters.flatbuffer import read_file, read_graph
from converters.sources import Options, picture_shape
from edge.model.interpreter import Interpreter, dequantize


class TFLiteSource:
    """A float flatbuffer with one picture as input."""

    kind = "TFLite"

    def __init__(self, path: Path, content: bytes, shape: tuple[int, int, int]) -> None:
        self.path = path
        self.content = content
        self.shape = shape
        self._interpreter = Interpreter(content, where=str(path))

    def predict(self, values: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Outputs for inputs of shape (n, height, width, channels)."""
        each = [self._interpreter.invoke(value[np.newaxis]) for value in values]
        details = self._interpreter.outputs
        return [np.stack([dequantize(arrays[k][0], details[k]) for arrays in each]) for k in range(len(details))]

    def saved_model(self, folder: Path, _mean: tuple[float, ...], _std: tuple[float, ...]) -> None:
        """Raises ConversionError: there is no way back from a flatbuffer to TensorFlow."""
        raise ConversionError(
            f"{self.path}: a .tflite file can only become int8: for {folder.name} give the model it was made from"
        )


def load(path: Path, options: Options) -> TFLiteSource:
    """The model in a file. Raises ConversionError."""
    content = read_file(path)
    graph = read_graph(content, str(path))
    for operator in graph.operators:
        if operator.name.startswith("CUSTOM"):
            raise ConversionError(
                f"{path}: {operator.name} in layer {short(graph.layer(operator))}: a custom operator, "
                "which the runtime lacks"
            )
    if len(graph.inputs) != 1:
        raise ConversionError(f"{path}: {len(graph.inputs)} inputs: one picture is expected")
    entry = graph.tensors[graph.inputs[0]]
    if entry.dtype != "float32":
        raise ConversionError(f"{path}: input is {entry.dtype}: only a float model can be converted")
    if not all(tensor.dtype in ("float32", "int32", "int64", "bool") for tensor in graph.tensors):
        raise ConversionError(f"{path}: it is quantized already: give the float model it was made from")
    sides = tuple(None if side < 1 else side for side in entry.shape)
    shape = picture_shape(sides, options.size, str(path))
    if None in sides:
        raise ConversionError(f"{path}: input shape {entry.shape} is dynamic: give the model it was made from")
    return TFLiteSource(path, content, shape)
