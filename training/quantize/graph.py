"""A trained float network with fake quantization in it, BatchNorm folded into its convolutions."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from edge.errors import ModelError
from training.quantize.layers import (
    LEVELS,
    FakeQuantize,
    QuantizedConv2D,
    QuantizedDense,
    QuantizedDepthwiseConv2D,
    RoundedKernel,
)

Arrays = tuple[NDArray[np.float32], NDArray[np.float32]]
Consumers = dict[str, list[Any]]

SHAPING = (layers.InputLayer, layers.MaxPooling2D, layers.Flatten, layers.Reshape, layers.Dropout)
"""Layers that only choose or move values: what comes out has the range of what goes in. Our own say so themselves,
by an attribute `moves_values`.
"""
WITH_WEIGHTS = {
    layers.Conv2D: QuantizedConv2D,
    layers.DepthwiseConv2D: QuantizedDepthwiseConv2D,
    layers.Dense: QuantizedDense,
}
"""What takes the place of each."""
KNOWN = (
    *SHAPING, *WITH_WEIGHTS, layers.BatchNormalization, layers.ReLU, layers.Activation, layers.Add,
    layers.Concatenate, layers.GlobalAveragePooling2D,
)  # fmt: skip
ACTIVATIONS = ("linear", "relu")


def with_fake_quantization(model: Any, where: str) -> Any:
    """The same function with rounding layers put in; their ranges are still to be observed.

    model: a functional network from one picture to logits. Raises ModelError, naming a layer that does not fit.
    """
    consumers = consumers_of(model, where)
    weights: dict[str, Arrays] = {}

    def renewed(layer: Any) -> Any:
        kind = _with_weights(layer)
        if kind is not None:
            follower = consumers[layer.name][0] if consumers[layer.name] else None
            norm = follower if isinstance(follower, layers.BatchNormalization) else None
            weights[layer.name] = folded(layer, norm)
            return kind.from_config({**layer.get_config(), "use_bias": True})
        return layer.__class__.from_config(layer.get_config())

    def applied(layer: Any, *values: Any, **named: Any) -> Any:
        # The picture is rounded, too: everything after it takes rounded values.
        values = keras.tree.map_structure(lambda value: picture if value is entry else value, values)
        made = values[0] if isinstance(layer, layers.BatchNormalization) else layer(*values, **named)
        after = consumers[layer.name]
        # TFLite makes one step of a convolution, its folded norm and the ReLU behind: only the end has a range.
        joins = isinstance(layer, layers.Concatenate)
        fused = not joins and len(after) == 1 and isinstance(after[0], (layers.ReLU, layers.BatchNormalization))
        if fused or moves_values(layer) or _is_nothing(layer) or _is_joined(layer, consumers):
            return made
        return FakeQuantize(name=f"{layer.name}_range")(made)

    entry = keras.Input(model.input.shape[1:], name="luma")
    picture = FakeQuantize(fixed=(0.0, 1.0), name="picture_range")(entry)
    clone = keras.models.clone_model(model, entry, clone_function=renewed, call_function=applied)
    for name, (kernel, bias) in weights.items():
        layer = clone.get_layer(name)
        layer.kernel.assign(kernel)
        layer.bias.assign(bias)
    settle(clone)
    return clone


def settle(model: Any) -> None:
    """Give every kernel the range that its final values want."""
    for layer in model.layers:
        if isinstance(layer, RoundedKernel):
            layer.settle()


def observe(model: Any, pictures: NDArray[np.float32]) -> None:
    """Give every activation the range that it has on some pictures, float32 (n, height, width, 1)."""
    ranges = [layer for layer in model.layers if isinstance(layer, FakeQuantize) and layer.fixed is None]
    for layer in ranges:
        # One after the other: what a layer sees depends on the ranges before it.
        before = keras.Model(model.input, layer.input)
        layer.observe(keras.ops.convert_to_numpy(before(pictures, training=False)))


def output_step(model: Any) -> float:
    """From one value of a rounded network's output to the next; 0 where the network is not rounded."""
    last = model.layers[-1]
    if not isinstance(last, FakeQuantize):
        return 0.0
    low, high = (float(keras.ops.convert_to_numpy(end)) for end in (last.low, last.high))
    return (max(high, 0.0) - min(low, 0.0)) / LEVELS


def consumers_of(model: Any, where: str) -> Consumers:
    """Which layers take what each layer gives. Raises ModelError if one of them cannot be quantized here."""
    for layer in model.layers:
        _check(layer, where)
    makers = {id(layer.output): layer.name for layer in model.layers}
    consumers: Consumers = {layer.name: [] for layer in model.layers}
    for layer in model.layers:
        if isinstance(layer, layers.InputLayer):
            continue
        for tensor in keras.tree.flatten(layer.input):
            consumers[makers[id(tensor)]].append(layer)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            _check_foldable(layer, model, consumers, where)
    return consumers


def folded(layer: Any, norm: Any | None) -> Arrays:
    """Kernel and bias of a layer together with the BatchNorm behind it."""
    kernel = np.asarray(keras.ops.convert_to_numpy(layer.kernel), np.float64)
    channels = kernel.shape[2:] if isinstance(layer, layers.DepthwiseConv2D) else kernel.shape[-1:]
    bias = np.asarray(keras.ops.convert_to_numpy(layer.bias)) if layer.use_bias else np.zeros(np.prod(channels))
    if norm is None:
        return kernel.astype(np.float32), bias.astype(np.float32)
    mean, variance = (np.asarray(keras.ops.convert_to_numpy(v)) for v in (norm.moving_mean, norm.moving_variance))
    gamma = np.asarray(keras.ops.convert_to_numpy(norm.gamma)) if norm.scale else np.ones_like(mean)
    beta = np.asarray(keras.ops.convert_to_numpy(norm.beta)) if norm.center else np.zeros_like(mean)
    factor = gamma / np.sqrt(variance + norm.epsilon)
    kernel, bias = kernel * factor.reshape(channels), beta + (bias - mean) * factor
    return kernel.astype(np.float32), bias.astype(np.float32)


def _check(layer: Any, where: str) -> None:
    name = f"{where}: layer {layer.name}"
    if not (isinstance(layer, KNOWN) or moves_values(layer)):
        raise ModelError(f"{name} ({type(layer).__name__}): cannot be tuned with fake quantization here")
    activation = getattr(layer, "activation", None)
    if activation is not None and activation.__name__ not in ACTIVATIONS:
        raise ModelError(f"{name}: activation {activation.__name__}: must be one of {', '.join(ACTIVATIONS)}")


def _check_foldable(norm: Any, model: Any, consumers: Consumers, where: str) -> None:
    before = [layer for layer in model.layers if norm in consumers[layer.name]]
    alone = len(before) == 1 and len(consumers[before[0].name]) == 1
    if not (alone and isinstance(before[0], (layers.Conv2D, layers.DepthwiseConv2D)) and _is_linear(before[0])):
        raise ModelError(f"{where}: layer {norm.name}: does not stand behind a convolution of its own to fold into")


def moves_values(layer: Any) -> bool:
    """Whether what comes out of a layer are values that went in."""
    return isinstance(layer, SHAPING) or bool(getattr(layer, "moves_values", False))


def _is_joined(layer: Any, consumers: Consumers) -> bool:
    """Whether a Concatenate alone takes what a layer gives: TFLite wants the joined range there, too."""
    after = consumers[layer.name]
    while len(after) == 1 and moves_values(after[0]):
        after = consumers[after[0].name]
    return len(after) == 1 and isinstance(after[0], layers.Concatenate)


def _with_weights(layer: Any) -> Any | None:
    return next((kind for plain, kind in WITH_WEIGHTS.items() if isinstance(layer, plain)), None)


def _is_linear(layer: Any) -> bool:
    return bool(layer.activation.__name__ == "linear")


def _is_nothing(layer: Any) -> bool:
    return isinstance(layer, layers.Activation) and _is_linear(layer)
