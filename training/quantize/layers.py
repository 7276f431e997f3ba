"""Layers that compute in float what int8 will compute: values on 256 levels, weights on 255.

Under TensorFlow they use its own fake-quantization operators, which TFLite's converter knows and whose ranges it
keeps. Other backends train with the same arithmetic, but only TensorFlow exports.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

LEVELS, WEIGHT_LEVELS = 255, 254
SMALLEST_RANGE = 1e-4
"""Of a channel, as a share of the widest one's: a channel of zeros still needs a scale."""


def fake_quantize(x: Any, low: Any, high: Any, levels: int) -> Any:
    """The values rounded to `levels` steps between low and high, and cut off outside; gradients pass inside.

    low, high: scalars, or one for each entry of the last axis; low <= 0 <= high.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        per_channel = len(low.shape) > 0
        operator = (
            tf.quantization.fake_quant_with_min_max_vars_per_channel
            if per_channel
            else tf.quantization.fake_quant_with_min_max_vars
        )
        return operator(x, low, high, num_bits=8, narrow_range=levels == WEIGHT_LEVELS)
    return round_plainly(x, low, high, levels)


def round_plainly(x: Any, low: Any, high: Any, levels: int) -> Any:
    """fake_quantize in plain arithmetic; low and high may have any shape that broadcasts."""
    step = ops.maximum((high - low) / levels, 1e-12)
    zero = ops.round(-low / step)
    inside = ops.clip(x, -zero * step, (levels - zero) * step)
    return inside + ops.stop_gradient(ops.round(inside / step) * step - inside)


@keras.saving.register_keras_serializable("mien")
class FakeQuantize(keras.layers.Layer):  # type: ignore[misc]
    """Activations on 256 levels between a low and a high end that follow the batches while training.

    fixed: (low, high) that never move, for the picture, whose bytes mean 0..1. momentum: of the moving ends.
    """

    def __init__(self, fixed: tuple[float, float] | None = None, momentum: float = 0.99, **rest: Any) -> None:
        super().__init__(**rest)
        self.fixed, self.momentum = fixed, momentum
        low, high = fixed or (0.0, 0.0)
        for end, value in (("low", low), ("high", high)):
            start = keras.initializers.Constant(value)
            setattr(self, end, self.add_weight(shape=(), initializer=start, trainable=False, name=end))

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Same shape as the inputs."""
        if training and self.fixed is None:
            for end, seen in ((self.low, ops.min(inputs)), (self.high, ops.max(inputs))):
                end.assign(self.momentum * end + (1 - self.momentum) * ops.stop_gradient(seen))
        low, high = ops.minimum(self.low, 0.0), ops.maximum(self.high, 0.0)
        return fake_quantize(inputs, low, high, LEVELS)

    def observe(self, values: Any) -> None:
        """Take the ends from values that stand for all; a fixed range stays."""
        if self.fixed is None:
            self.low.assign(min(float(np.min(values)), 0.0))
            self.high.assign(max(float(np.max(values)), 0.0))

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to make the layer again."""
        return {**super().get_config(), "fixed": self.fixed, "momentum": self.momentum}


class RoundedKernel:
    """What the layers with weights share: `limit`, the largest weight that their kernel can hold.

    While training it is that of the kernel as it is; finished it is a constant, as the converter wants it.
    over: the kernel's axes that one limit spans.
    """

    over: ClassVar[tuple[int, ...]]
    kernel: Any
    bias: Any
    limit: Any

    def save_own_variables(self, store: Any) -> None:
        """Keras' own way would leave `limit` out."""
        for name in ("kernel", "bias", "limit"):
            store[name] = keras.ops.convert_to_numpy(getattr(self, name))

    def load_own_variables(self, store: Any) -> None:
        """What save_own_variables wrote."""
        for name in ("kernel", "bias", "limit"):
            getattr(self, name).assign(store[name])

    def settle(self) -> None:
        """The limits of the kernel as it is."""
        self.limit.assign(self.measured_limit())

    def measured_limit(self) -> Any:
        widest = ops.max(ops.abs(self.kernel), axis=self.over)
        return ops.maximum(widest, SMALLEST_RANGE * ops.max(widest) + 1e-12)

    def rounded_kernel(self, *, training: Any, rounding: Callable[..., Any] = fake_quantize) -> Any:
        if training:
            self.limit.assign(ops.stop_gradient(self.measured_limit()))
        limit = ops.convert_to_tensor(self.limit)
        return rounding(ops.convert_to_tensor(self.kernel), -limit, limit, WEIGHT_LEVELS)


@keras.saving.register_keras_serializable("mien")
class QuantizedConv2D(RoundedKernel, keras.layers.Conv2D):  # type: ignore[misc]
    """A convolution whose kernel has 255 levels, a range for each of its channels."""

    over = (0, 1, 2)

    def build(self, input_shape: Any) -> None:
        """Adds `limit`, shape (filters,)."""
        super().build(input_shape)
        self.limit = self.add_weight(shape=(self.filters,), initializer="ones", trainable=False, name="limit")

    def call(self, inputs: Any, training: Any = None) -> Any:
        """As Conv2D."""
        kernel = self.rounded_kernel(training=training)
        made = ops.conv(inputs, kernel, self.strides, self.padding, self.data_format, self.dilation_rate)
        return self.activation(made + self.bias)


@keras.saving.register_keras_serializable("mien")
class QuantizedDepthwiseConv2D(RoundedKernel, keras.layers.DepthwiseConv2D):  # type: ignore[misc]
    """A depthwise convolution whose kernel has 255 levels, a range for each of its channels.

    TensorFlow's operator knows ranges along the last axis only, which is not the channels' here. The plain rounding
    becomes a constant at the export, and the converter finds the same levels in it.
    """

    over = (0, 1)

    def build(self, input_shape: Any) -> None:
        """Adds `limit`, shape (channels, depth multiplier)."""
        super().build(input_shape)
        shape = tuple(self.kernel.shape[2:])
        self.limit = self.add_weight(shape=shape, initializer="ones", trainable=False, name="limit")

    def call(self, inputs: Any, training: Any = None) -> Any:
        """As DepthwiseConv2D."""
        kernel = self.rounded_kernel(training=training, rounding=round_plainly)
        how = self.strides, self.padding, self.data_format, self.dilation_rate
        return self.activation(ops.depthwise_conv(inputs, kernel, *how) + self.bias)


@keras.saving.register_keras_serializable("mien")
class QuantizedDense(RoundedKernel, keras.layers.Dense):  # type: ignore[misc]
    """A dense layer whose kernel has 255 levels in one range: the converter fails with one for each channel."""

    over = (0, 1)

    def build(self, input_shape: Any) -> None:
        """Adds `limit`, a scalar."""
        super().build(input_shape)
        self.limit = self.add_weight(shape=(), initializer="ones", trainable=False, name="limit")

    def call(self, inputs: Any, training: Any = None) -> Any:
        """As Dense."""
        return self.activation(ops.matmul(inputs, self.rounded_kernel(training=training)) + self.bias)
