"""The networks. One family a file; the file's name is the value of `model.family` in a recipe.

A family module has one function:

    build(config: ModelConfig) -> keras.Model    (48, 48, 1) in 0..1 -> features, a vector or a map

The heads are added here, one a label set: a dense layer, or after a map a 3x3 convolution and its mean. Inputs
carry no rescaling layer: luma / 255 goes in, so that the converted model takes the raw bytes.
"""

from __future__ import annotations

import importlib
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from training.recipe import ModelConfig

SETTLED_BY = 1024
"""Faces that a new norm's statistics are taken from."""


def build_model(config: ModelConfig, heads: dict[str, int]) -> Any:
    """A model with one output for each head (name -> number of labels), in a dict.

    Outputs are logits (or scores, as the recipe says), float32 whatever the policy.
    """
    trunk = importlib.import_module(f"training.models.{config.family}").build(config)
    features = trunk.outputs[0]
    if config.dropout:
        features = keras.layers.Dropout(config.dropout, name="head_dropout")(features)
    activation = "softmax" if config.output == "softmax" else None
    outputs = {}
    for name, count in heads.items():
        if len(features.shape) == 4:
            x = keras.layers.Conv2D(count, 3, padding="same", name=f"{name}_map")(features)
            x = keras.layers.GlobalAveragePooling2D(name=f"{name}_mean", dtype="float32")(x)
            outputs[name] = keras.layers.Activation(activation or "linear", name=name, dtype="float32")(x)
        else:
            outputs[name] = keras.layers.Dense(count, activation=activation, name=name, dtype="float32")(features)
    return keras.Model(trunk.inputs[0], outputs, name=f"{config.family}-{config.size}")


def settle(config: ModelConfig, model: Any, pixels: NDArray[np.uint8]) -> None:
    """What a family does to a network that has just taken another one's weights, by the faces it will learn from.

    pixels: uint8 (n, side, side). Nothing, for most families.
    """
    family = importlib.import_module(f"training.models.{config.family}")
    if hasattr(family, "settle"):
        family.settle(model, pixels[:SETTLED_BY, ..., np.newaxis].astype(np.float32) / 255)


def one_head(model: Any, head: str) -> Any:
    """The same network (weights shared) with a single output tensor."""
    return keras.Model(model.input, model.output[head], name=f"{model.name}-{head}")


def multiply_adds(model: Any) -> int:
    """Of one inference, convolutions and dense layers."""
    total = 0
    for layer in model._flatten_layers(include_self=False):  # noqa: SLF001 the layers of nested networks, too
        if isinstance(layer, keras.layers.DepthwiseConv2D | keras.layers.Conv2D):
            height, width = layer.output.shape[1:3]
            total += int(height * width * np.prod(layer.kernel.shape))
        elif isinstance(layer, keras.layers.SeparableConv2D):
            height, width = layer.output.shape[1:3]
            kernels = np.prod(layer.depthwise_kernel.shape) + np.prod(layer.pointwise_kernel.shape)
            total += int(height * width * kernels)
        elif isinstance(layer, keras.layers.Dense):
            total += int(np.prod(layer.kernel.shape))
    return total
