"""Models to convert. One kind a file.

A kind's module has one function:

    load(path: Path, options: Options) -> Source    raises ConversionError with one line

TensorFlow is loaded when a source is, not before; a new kind is a new file and a line in KINDS.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from converters.errors import ConversionError

KINDS = {
    ".keras": "keras_file",
    ".h5": "keras_file",
    ".hdf5": "keras_file",
    ".onnx": "onnx",
    ".tflite": "tflite",
}


class Options(Struct, frozen=True):
    """What the user says about a source.

    size: (width, height) for a model that leaves its own open.
    modules: Python modules that register the model's own layers.
    """

    size: tuple[int, int] | None = None
    modules: tuple[str, ...] = ()


class Source(Protocol):
    """A float model with one picture as input.

    shape: (height, width, channels) of the input.
    kind: for people, e.g. "Keras".
    """

    path: Path
    kind: str
    shape: tuple[int, int, int]

    def predict(self, values: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Outputs for inputs of shape (n, height, width, channels), each with the n first."""
        ...

    def saved_model(self, folder: Path, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        """Writes a TensorFlow SavedModel of batch 1 that maps (x - mean) / std to the outputs."""
        ...


def open_source(path: Path, options: Options) -> Source:
    """The model in a file or folder. Raises ConversionError, naming the file and what is wrong."""
    if path.is_dir():
        if not (path / "saved_model.pb").is_file():
            raise ConversionError(f"{path}: a folder without saved_model.pb is no SavedModel")
        kind = "saved_model"
    elif not path.is_file():
        raise ConversionError(f"{path}: no such model file")
    elif path.suffix.lower() in KINDS:
        kind = KINDS[path.suffix.lower()]
    else:
        hint = ": export it to ONNX first (docs/CONVERTING.md)" if path.suffix in (".pt", ".pth", ".pkl") else ""
        raise ConversionError(f"{path}: no .keras, .h5, .onnx, .tflite or SavedModel folder{hint}")
    source: Source = importlib.import_module(f"converters.sources.{kind}").load(path, options)
    return source


def picture_shape(shape: tuple[int | None, ...], size: tuple[int, int] | None, where: str) -> tuple[int, int, int]:
    """(height, width, channels) from an input shape with the batch first, channels last.

    Raises ConversionError unless it is one picture of 1 or 3 channels whose size is known.
    """
    if len(shape) != 4:
        raise ConversionError(
            f"{where}: input shape {_text(shape)}: rank {len(shape)}; (batch, height, width, channels) is expected"
        )
    batch, height, width, channels = shape
    if channels not in (1, 3):
        raise ConversionError(
            f"{where}: input shape {_text(shape)}: {channels or 'unknown'} channels; "
            "1 (luma) or 3 (RGB) are expected"
        )
    if batch not in (None, 1):
        raise ConversionError(f"{where}: input shape {_text(shape)}: batch {batch}; 1 or an open one is expected")
    if size is not None:
        for fixed, asked in ((width, size[0]), (height, size[1])):
            if fixed not in (None, asked):
                raise ConversionError(
                    f"{where}: input shape {_text(shape)}: --size {size[0]}x{size[1]} contradicts it"
                )
        width, height = size
    if height is None or width is None:
        raise ConversionError(f"{where}: input shape {_text(shape)} is dynamic: fix it with --size WIDTHxHEIGHT")
    return height, width, channels


def _text(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("?" if side is None else str(side) for side in shape) + ")"
