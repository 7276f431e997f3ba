"""The detector's network: fully convolutional, strides 8, 16 and 32, one output tensor for all of them.

Input: luma / 255, shape (batch, height, width, 1), sides multiples of 32. Output: (batch, height / 32, width / 32,
105): every cell of 32x32 px holds what the 16 cells of stride 8, the 4 of stride 16 and the one of stride 32 inside
it say, 5 numbers each (edge/detect/luma.py reads them). One tensor without a constant shape in it stays resizable
in int8, which Keras' UpSampling2D and Reshape do not.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import keras
from keras import layers

from edge.detect.grid import NUMBERS, STRIDES
from training.detector.recipe import Network
from training.models.normalization import normalization

if TYPE_CHECKING:
    from collections.abc import Callable

STEM_STRIDE = 4
FIRST_LOGIT = -5.0
NORM_MOMENTUM = 0.97


@keras.saving.register_keras_serializable("mien")
class Blocks(layers.Layer):  # type: ignore[misc]
    """Squares of block x block pixels become channels, or, with `back`, channels become such squares.

    The channels' order is TensorFlow's space_to_depth: row in the square, column, channel.
    """

    moves_values = True  # as training/quantize asks

    def __init__(self, block: int, *, back: bool = False, **settings: Any) -> None:
        super().__init__(**settings)
        self.block = block
        self.back = back

    def call(self, x: Any) -> Any:
        if keras.backend.backend() == "tensorflow":  # one TFLite operator each
            import tensorflow as tf

            return tf.nn.depth_to_space(x, self.block) if self.back else tf.nn.space_to_depth(x, self.block)
        n, b = self.block, keras.ops.shape(x)
        if self.back:
            x = keras.ops.reshape(x, (b[0], b[1], b[2], n, n, b[3] // (n * n)))
            x = keras.ops.transpose(x, (0, 1, 3, 2, 4, 5))
            return keras.ops.reshape(x, (b[0], b[1] * n, b[2] * n, b[3] // (n * n)))
        x = keras.ops.reshape(x, (b[0], b[1] // n, n, b[2] // n, n, b[3]))
        x = keras.ops.transpose(x, (0, 1, 3, 2, 4, 5))
        return keras.ops.reshape(x, (b[0], b[1] // n, b[2] // n, n * n * b[3]))

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        batch, height, width, channels = shape
        n = self.block
        sides = [None if side is None else side * n if self.back else side // n for side in (height, width)]
        assert channels is not None
        return (batch, *sides, channels // (n * n) if self.back else channels * n * n)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "block": self.block, "back": self.back}


def build_detector(network: Network, shape: tuple[int | None, int | None] = (None, None)) -> Any:
    """A Keras model, untrained. shape: (height, width), where only one size is wanted."""
    image = keras.Input((*shape, 1), name="luma")
    x = Blocks(STEM_STRIDE, name="stem")(image)
    levels = []
    for stride, blocks in zip(STRIDES, network.trunk, strict=True):
        for number, block in enumerate(blocks):
            make = MAKERS[block[0]]
            name, step = f"s{stride}_{block}_{number}", 1 if number else 2
            x = make(x, int(block[1:]), name, stride=step)
        levels.append(x)
    above = None
    heads = []
    for stride, level, channels in reversed(list(zip(STRIDES, levels, network.neck, strict=True))):
        side = level
        if level.shape[-1] != channels:
            side = point(level, channels, f"s{stride}_side", relu=above is None)
        if above is not None:
            up = Blocks(2, back=True, name=f"s{stride}_up")(
                point(above, 4 * channels, f"s{stride}_widen", relu=False)
            )
            side = layers.ReLU(name=f"s{stride}_meet_relu")(layers.Add(name=f"s{stride}_meet")([side, up]))
        above = side
        heads.append(head_of(separable(side, channels, f"s{stride}_head") if network.head else side, stride))
    merged = [
        Blocks(STRIDES[-1] // stride, dtype="float32", name=f"s{stride}_pack")(head)
        if stride < STRIDES[-1]
        else head
        for stride, head in zip(STRIDES, reversed(heads), strict=True)
    ]
    return keras.Model(image, layers.Concatenate(dtype="float32", name="cells")(merged), name="face")


def point(x: Any, channels: int, name: str, *, relu: bool = True) -> Any:
    """A 1x1 convolution, normalized."""
    return convolve(x, channels, name, kernel=1, relu=relu)


def convolve(x: Any, channels: int, name: str, *, kernel: int = 3, stride: int = 1, relu: bool = True) -> Any:
    """Convolution and batch normalization, and ReLU unless told otherwise."""
    x = layers.Conv2D(channels, kernel, stride, padding="same", use_bias=False, name=name)(x)
    x = normalization(momentum=NORM_MOMENTUM, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x


def residual(x: Any, channels: int, name: str, *, stride: int = 1) -> Any:
    """Two 3x3 convolutions over a short cut."""
    y = convolve(x, channels, f"{name}_a", stride=stride)
    y = convolve(y, channels, f"{name}_b", relu=False)
    if stride > 1 or x.shape[-1] != channels:
        x = convolve(x, channels, f"{name}_short", kernel=1, stride=stride, relu=False)
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([x, y]))


def separable(x: Any, channels: int, name: str, *, stride: int = 1, kernel: int = 3) -> Any:
    """Depthwise, 3x3 or as told, then 1x1; the input is added where the shape stays."""
    y = layers.DepthwiseConv2D(kernel, stride, padding="same", use_bias=False, name=f"{name}_depth")(x)
    y = normalization(momentum=NORM_MOMENTUM, name=f"{name}_depth_norm")(y)
    y = layers.ReLU(name=f"{name}_depth_relu")(y)
    same = stride == 1 and x.shape[-1] == channels
    y = point(y, channels, f"{name}_point", relu=not same)
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([x, y])) if same else y


MAKERS: dict[str, Callable[..., Any]] = {
    "k": convolve,
    "r": residual,
    "d": separable,
    "w": partial(separable, kernel=5),
}
"""The blocks of a recipe's trunk by their letter."""


def head_of(x: Any, stride: int) -> Any:
    """The numbers of one level, never in half precision; at first nothing is a face."""
    bias = keras.initializers.Constant([FIRST_LOGIT] + [0.0] * (NUMBERS - 1))
    return layers.Conv2D(NUMBERS, 1, bias_initializer=bias, dtype="float32", name=f"s{stride}_out")(x)


def multiply_adds(model: Any) -> int:
    """Of one forward pass; the model was built for one size."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, (layers.Conv2D, layers.DepthwiseConv2D)):
            _, height, width, _ = layer.output.shape
            total += (
                height
                * width
                * int(layer.kernel.shape[0])
                * int(layer.kernel.shape[1])
                * (int(layer.kernel.shape[2]) * (1 if isinstance(layer, layers.DepthwiseConv2D) else layer.filters))
            )
    return total
