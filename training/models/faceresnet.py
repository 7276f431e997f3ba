"""Transfer learning from faces: dlib's recognition network without its end, fed with faces in grey.

A teacher. What it knew before it saw an emotion are faces, millions of them, where ImageNet's networks know cats
and lorries. The layers are those of dlib's `dnn_face_recognition_ex.cpp` (He et al. 2016, arXiv:1512.03385, with
half the filters and 29 convolutions), less the last two; the norms stand folded in the convolutions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from edge.errors import ConfigError
from training.dataset import FACE_PX
from training.models.dlib_file import KERNEL, Convolution, installed_file, read_convolutions
from training.models.normalization import normalization

if TYPE_CHECKING:
    from training.recipe import ModelConfig

SIZES = ("default", "normed")
STEM = 32
STAGES = ((32, 3), (64, 4), (128, 3), (256, 3))
"""(channels, residual blocks); each but the first halves height and width."""
SIDE_PX = 118
"""Enlarges a 48 px face until its eyes are as far apart as in the photos that dlib's network saw, which are 150 px
wide and show a quarter of the face's size around it."""
BATCH = 128
"""Faces whose maps are held at once: those of a thousand would take gigabytes."""
MEAN_RGB = np.array([122.782, 117.001, 104.298], np.float32)
"""Taken from every photo before it was divided by 256."""


def build(config: ModelConfig) -> Any:
    """Raises ConfigError if there is no such size, SourceError or ModelError if its weights cannot be read."""
    if config.size not in SIZES:
        raise ConfigError(f'model.size = "{config.size}": the faceresnet family has only {" and ".join(SIZES)}')
    normed = config.size == "normed"
    picture = keras.Input((FACE_PX, FACE_PX, 1), name="luma")
    x = layers.Resizing(SIDE_PX, SIDE_PX, name="enlarge", dtype="float32")(picture)
    x = layers.ReLU(name="stem_relu")(convolution(x, STEM, "stem", 7, 2, normed=normed))
    x = layers.MaxPooling2D(3, 2, name="stem_pool")(x)
    for stage, (channels, blocks) in enumerate(STAGES):
        for block in range(blocks):
            x = residual(x, channels, f"stage{stage}_block{block}", halve=block == 0 and stage > 0, normed=normed)
    model = keras.Model(picture, layers.GlobalAveragePooling2D(name="features")(x))
    if config.weights == "faces":
        give_weights(model, read_convolutions(installed_file()))
    return model


def convolution(x: Any, channels: int, name: str, kernel: int, stride: int, *, normed: bool) -> Any:
    """With padding only where it keeps the map's size; a norm follows, if one is asked for."""
    padding = "same" if kernel == KERNEL and stride == 1 else "valid"
    x = layers.Conv2D(channels, kernel, stride, padding=padding, name=name)(x)
    return normalization(name=f"{name}_norm")(x) if normed else x


def residual(x: Any, channels: int, name: str, *, halve: bool, normed: bool) -> Any:
    """Two convolutions over a short cut that learns nothing: it halves by averaging, and widens with zeros."""
    y = convolution(x, channels, f"{name}_conv1", KERNEL, 2 if halve else 1, normed=normed)
    y = convolution(layers.ReLU(name=f"{name}_relu1")(y), channels, f"{name}_conv2", KERNEL, 1, normed=normed)
    if halve:
        x = layers.AveragePooling2D(2, name=f"{name}_half")(x)
        x = layers.Concatenate(name=f"{name}_widen")([x, layers.Rescaling(0.0, name=f"{name}_zeros")(x)])
        missing = x.shape[1] - y.shape[1]  # of an even map dlib's convolution leaves a row and a column less
        y = layers.ZeroPadding2D(((0, missing), (0, missing)), name=f"{name}_pad")(y)
    return layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([x, y]))


def give_weights(model: Any, convolutions: list[Convolution]) -> None:
    """Grey in 0..1 instead of colours in 0..255: the stem's kernels are summed, and its bias takes the mean."""
    stem = convolutions[0]
    bias = stem.bias - np.einsum("hwio,i->o", stem.kernel, MEAN_RGB) / 256
    grey = Convolution(stem.kernel.sum(axis=2, keepdims=True) * (255 / 256), bias)
    found = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
    for layer, (kernel, bias) in zip(found, [grey, *convolutions[1:]], strict=False):
        layer.set_weights([kernel, bias])


def settle(model: Any, pictures: NDArray[np.float32]) -> None:
    """Norms that have learnt nothing take the mean and the variance of what reaches them, and give them back.

    So a network that was trained without norms answers as before, and learns with them. pictures: (n, 48, 48, 1).
    """
    new = [
        layer
        for layer in model.layers
        if isinstance(layer, layers.BatchNormalization)
        and not np.any(layer.moving_mean)
        and np.all(np.equal(layer.moving_variance, 1))
    ]
    if not new:
        return
    probe = keras.Model(model.input, [layer.input for layer in new])
    sums = [np.zeros((3, layer.gamma.shape[0])) for layer in new]
    for first in range(0, len(pictures), BATCH):
        for number, maps in enumerate(probe.predict_on_batch(pictures[first : first + BATCH])):
            rows = np.asarray(maps, np.float64).reshape(-1, maps.shape[-1])
            sums[number] += np.stack([rows.sum(axis=0), (rows**2).sum(axis=0), np.full(rows.shape[1], len(rows))])
    for layer, (total, squares, count) in zip(new, sums, strict=True):
        mean = total / count
        variance = np.maximum(squares / count - mean**2, 0)
        layer.set_weights([np.sqrt(variance + layer.epsilon), mean, mean, variance])
