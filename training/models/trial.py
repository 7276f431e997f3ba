"""What the small compact network might be instead: wider, deeper, finer or of other blocks. Compared; none ships.

Wider and deeper take as many multiply-adds as each other. Separable and fused blocks execute about as many
instructions as the small network, at the multiply-adds that int8 on an A72 gets from one: 3.6 in a dense 3x3, 3.1
in a 1x1, 1.35 in a depthwise convolution (estimated from measured kernels, not counted).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import keras
from keras import layers

from edge.errors import ConfigError
from training.dataset import FACE_PX
from training.models.compact import added, conv, residual
from training.models.normalization import normalization

if TYPE_CHECKING:
    from training.recipe import ModelConfig


class Trial(NamedTuple):
    """stages: (channels, residual blocks, stride of the first block). stem: channels at 24x24.
    full: channels of a convolution at 48x48 before the stem; 0 is none. block: the kind of residual block.
    """

    stages: tuple[tuple[int, int, int], ...]
    stem: int = 16
    full: int = 0
    block: str = "dense"


SMALL = ((32, 1, 2), (80, 1, 2), (192, 1, 2))
SIZES = {
    "small": Trial(SMALL),
    "wider": Trial(((48, 1, 2), (128, 1, 2), (288, 1, 2)), stem=24),
    "deeper": Trial(((32, 2, 2), (80, 2, 2), (192, 2, 2))),
    "finer-stem": Trial(SMALL, full=16),
    "finer-maps": Trial(((32, 1, 1), (80, 1, 2), (192, 1, 2))),
    "separable": Trial(((80, 1, 2), (208, 1, 2), (464, 1, 2)), block="separable"),
    "fused": Trial(((32, 1, 2), (96, 1, 2), (224, 1, 2)), block="fused"),
}


def build(config: ModelConfig) -> Any:
    """Raises ConfigError if there is no such trial."""
    if config.size not in SIZES:
        raise ConfigError(f'model.size = "{config.size}": must be one of {", ".join(SIZES)}')
    size = SIZES[config.size]
    x = picture = keras.Input((FACE_PX, FACE_PX, 1), name="luma")
    if size.full:
        x = layers.ReLU(name="full_relu")(conv(x, size.full, 3, 1, "full"))
    x = layers.ReLU(name="stem_relu")(conv(x, size.stem, 3, 2, "stem"))
    block = {"dense": residual, "separable": _separable, "fused": _fused}[size.block]
    for number, (channels, blocks, stride) in enumerate(size.stages, start=1):
        for place in range(blocks):
            x = block(x, channels, 1 if place else stride, f"stage{number}_block{place}")
    return keras.Model(picture, layers.GlobalAveragePooling2D(name="features")(x))


def _separable(x: Any, channels: int, stride: int, name: str) -> Any:
    """Each dense 3x3 of a residual block as a depthwise one and a 1x1."""
    y = _depthwise(x, stride, f"{name}_depth1")
    y = layers.ReLU(name=f"{name}_relu1")(conv(y, channels, 1, 1, f"{name}_conv1"))
    y = conv(_depthwise(y, 1, f"{name}_depth2"), channels, 1, 1, f"{name}_conv2")
    return added(x, y, channels, stride, name)


def _fused(x: Any, channels: int, stride: int, name: str) -> Any:
    """A dense 3x3 to twice the channels and a 1x1 back (fused MBConv, Tan and Le 2021, arXiv:2104.00298)."""
    y = layers.ReLU(name=f"{name}_relu1")(conv(x, 2 * channels, 3, stride, f"{name}_conv1"))
    return added(x, conv(y, channels, 1, 1, f"{name}_conv2"), channels, stride, name)


def _depthwise(x: Any, stride: int, name: str) -> Any:
    x = layers.DepthwiseConv2D(
        3, stride, padding="same", use_bias=False, depthwise_initializer="he_normal", name=name
    )(x)
    return normalization(momentum=0.95, name=f"{name}_norm")(x)
