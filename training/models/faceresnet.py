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

from edge.errors import ConfigError
from training.dataset import FACE_PX
from training.models.dlib_file import Convolution, installed_file, read_convolutions

if TYPE_CHECKING:
    from training.recipe import ModelConfig

STEM = 32
STAGES = ((32, 3), (64, 4), (128, 3), (256, 3))
"""(channels, residual blocks); each but the first halves height and width."""
SIDE_PX = 118
"""Enlarges a 48 px face until its eyes are as far apart as in the photos that dlib's network saw, which are 150 px
wide and show a quarter of the face's size around it."""
MEAN_RGB = np.array([122.782, 117.001, 104.298], np.float32)
"""Taken from every photo before it was divided by 256."""


def build(config: ModelConfig) -> Any:
    """Raises ConfigError if there is no such size, SourceError or ModelError if its weights cannot be read."""
    if config.size != "default":
        raise ConfigError(f'model.size = "{config.size}": the faceresnet family has only "default"')
    picture = keras.Input((FACE_PX, FACE_PX, 1), name="luma")
    x = layers.Resizing(SIDE_PX, SIDE_PX, name="enlarge", dtype="float32")(picture)
    x = layers.ReLU(name="stem_relu")(layers.Conv2D(STEM, 7, 2, name="stem")(x))
    x = layers.MaxPooling2D(3, 2, name="stem_pool")(x)
    for stage, (channels, blocks) in enumerate(STAGES):
        for block in range(blocks):
            x = residual(x, channels, f"stage{stage}_block{block}", halve=block == 0 and stage > 0)
    model = keras.Model(picture, layers.GlobalAveragePooling2D(name="features")(x))
    if config.weights == "faces":
        give_weights(model, read_convolutions(installed_file()))
    return model


def residual(x: Any, channels: int, name: str, *, halve: bool) -> Any:
    """Two convolutions over a short cut that learns nothing: it halves by averaging, and widens with zeros."""
    stride, padding = (2, "valid") if halve else (1, "same")
    y = layers.Conv2D(channels, 3, stride, padding=padding, name=f"{name}_conv1")(x)
    y = layers.Conv2D(channels, 3, padding="same", name=f"{name}_conv2")(layers.ReLU(name=f"{name}_relu1")(y))
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
    layers_with_weights = [layer for layer in model.layers if layer.weights]
    for layer, (kernel, bias) in zip(layers_with_weights, [grey, *convolutions[1:]], strict=False):
        layer.set_weights([kernel, bias])
