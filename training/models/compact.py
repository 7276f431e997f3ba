"""Mien's own family: dense residual networks made for int8 on Arm.

A dense 3x3 earns three times the multiply-adds per instruction of a depthwise one (docs/ARCHITECTURE.md), so there
is no depthwise layer; at most one convolution sees the whole picture before the stem halves it, and most parameters
stand at 6x6 and 3x3, where they cost least. Every convolution is followed by a BatchNorm that folds into it, and
only ReLU is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import keras
from keras import layers

from edge.errors import ConfigError
from training.dataset import FACE_PX
from training.models.convolution import convolution
from training.models.normalization import normalization

if TYPE_CHECKING:
    from training.recipe import ModelConfig


class Size(NamedTuple):
    """stem: channels at 24x24. stages: (channels, residual blocks); the first stage stays at 24x24, each later
    one halves height and width. full: channels of a convolution at 48x48 before the stem; 0 is none.
    """

    stem: int
    stages: tuple[tuple[int, int], ...]
    full: int = 0


# Channels are multiples of 16: others train at half the speed on CPU, and waste lanes on Arm.
SIZES = {
    "default": Size(16, ((16, 1), (48, 2), (96, 2), (192, 1)), full=32),
    "plain": Size(16, ((16, 1), (48, 2), (96, 2), (192, 1))),
    "wide": Size(24, ((24, 1), (64, 2), (128, 2))),
    "small": Size(16, ((16, 0), (32, 1), (80, 1), (192, 1))),
    "teacher": Size(32, ((32, 1), (96, 2), (192, 2), (384, 1))),
    "teacher-full": Size(32, ((32, 1), (96, 2), (192, 2), (384, 1)), full=32),
    "teacher-fine": Size(64, ((64, 2), (128, 2), (256, 2))),
}


def build(config: ModelConfig) -> Any:
    """Raises ConfigError if the family has no such size."""
    if config.size not in SIZES:
        raise ConfigError(f'model.size = "{config.size}": must be one of {", ".join(SIZES)}')
    size = SIZES[config.size]
    x = picture = keras.Input((FACE_PX, FACE_PX, 1), name="luma")
    if size.full:
        x = layers.ReLU(name="full_relu")(conv(x, size.full, 3, 1, "full"))
    x = layers.ReLU(name="stem_relu")(conv(x, size.stem, 3, 2, "stem"))
    for stage, (channels, blocks) in enumerate(size.stages):
        for block in range(blocks):
            stride = 2 if block == 0 and stage > 0 else 1
            x = residual(x, channels, stride, f"stage{stage}_block{block}")
    return keras.Model(picture, layers.GlobalAveragePooling2D(name="features")(x))


def conv(x: Any, channels: int, kernel: int, stride: int, name: str) -> Any:
    """A convolution and its norm."""
    x = convolution(channels, kernel, stride, use_bias=False, kernel_initializer="he_normal", name=name)(x)
    return normalization(momentum=0.95, name=f"{name}_norm")(x)


def residual(x: Any, channels: int, stride: int, name: str) -> Any:
    """Two dense 3x3 convolutions over a short cut."""
    y = layers.ReLU(name=f"{name}_relu1")(conv(x, channels, 3, stride, f"{name}_conv1"))
    return added(x, conv(y, channels, 3, 1, f"{name}_conv2"), channels, stride, name)


def added(x: Any, y: Any, channels: int, stride: int, name: str) -> Any:
    """A block's end: what went in, brought to the shape of what came of it, is added."""
    if stride > 1 or x.shape[-1] != channels:
        x = conv(x, channels, 1, stride, f"{name}_short")
    return layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([x, y]))
