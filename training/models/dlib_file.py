"""Reads dlib's face recognition network: 29 convolutions that learnt to tell people apart in three million photos.

The file is `dlib_face_recognition_resnet_model_v1.dat` of https://github.com/davisking/dlib-models, CC0 1.0; the
PyPI package face_recognition_models brings it. dlib writes its layers from the picture to the answer, and two kinds
hold the numbers that are wanted here: a name (`con_4`, `affine_`), then a tensor: a version, four sizes and float32
values, little-endian. An integer is a byte that says how many bytes follow, and those, little-endian.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError, SourceError

PACKAGE = "face_recognition_models"
FILE = "models/dlib_face_recognition_resnet_model_v1.dat"
LAYER = re.compile(rb"\x05con_4|\x07affine_")
TENSOR_VERSION = 2
SIZE_BYTES = 4  # the most that a size takes
STEM_KERNEL, KERNEL = 7, 3


class Convolution(NamedTuple):
    """kernel: float32 (height, width, in, out). bias: float32 (out,). The affine layer behind it is folded in."""

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


def installed_file() -> Path:
    """Of the package, which is not imported. Raises SourceError if it is not installed."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise SourceError(
            f"{PACKAGE} is not installed, whose weights the faceresnet family starts from: "
            f'"pip install {PACKAGE}" (100 MB), or give --weights none (model.weights = "none")'
        )
    return Path(found.submodule_search_locations[0]) / FILE


def read_convolutions(path: Path) -> list[Convolution]:
    """All of them, the first one for red, green and blue. Raises ModelError if the file is something else."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    arrays: list[NDArray[np.float32]] = []
    end = 0
    for layer in LAYER.finditer(data):
        if layer.start() >= end:  # else it is by chance among a tensor's values
            values, end = read_tensor(data, layer.end(), path)
            arrays.append(values)
    convolutions, channels = [], 3
    for number, (weights, affine) in enumerate(zip(arrays[::2], arrays[1::2], strict=False)):
        filters, side = len(affine) // 2, STEM_KERNEL if number == 0 else KERNEL
        if len(weights) != filters * (channels * side * side + 1):
            raise ModelError(f"{path}: convolution {number + 1} has another shape than dlib's face network")
        kernel = weights[:-filters].reshape(filters, channels, side, side).transpose(2, 3, 1, 0)
        scale, offset = affine[:filters], affine[filters:]
        convolutions.append(Convolution(kernel * scale, weights[-filters:] * scale + offset))
        channels = filters
    if not convolutions:
        raise ModelError(f"{path}: no network of dlib's")
    return convolutions


def read_tensor(data: bytes, at: int, path: Path) -> tuple[NDArray[np.float32], int]:
    """The values of a tensor that begins there, and where it ends. Raises ModelError."""
    numbers = []
    for _ in range(5):
        length = data[at] if at < len(data) else 0
        if not 0 < length <= SIZE_BYTES:
            raise ModelError(f"{path}: no network of dlib's: no size at byte {at}")
        numbers.append(int.from_bytes(data[at + 1 : at + 1 + length], "little"))
        at += 1 + length
    version, *sizes = numbers
    count = int(np.prod(sizes))
    if version != TENSOR_VERSION or at + 4 * count > len(data):
        raise ModelError(f"{path}: is cut short, or of another version of dlib's")
    return np.frombuffer(data, "<f4", count, at), at + 4 * count
