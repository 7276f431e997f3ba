"""A small Keras classifier."""

from __future__ import annotations

from typing import Any

import numpy as np

SIDE = 16


def build_classifier(side: int = SIDE, channels: int = 1, outputs: int = 7, activation: str | None = None) -> Any:
    """Untrained, but with statistics that differ from layer to layer and logits that differ by picture."""
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    x = entry = keras.Input((side, side, channels))
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="stem")(x)
    x = layers.BatchNormalization(name="stem_norm")(x)
    x = layers.ReLU(name="stem_relu")(x)
    x = layers.DepthwiseConv2D(3, padding="same", name="depth")(x)
    x = layers.ReLU(name="depth_relu")(x)
    x = layers.Flatten()(x)
    x = layers.Dense(outputs, activation=activation, name="head", kernel_initializer="he_normal")(x)
    model = keras.Model(entry, x)
    mean, variance = model.get_layer("stem_norm").get_weights()[2:]
    model.get_layer("stem_norm").set_weights(
        [np.linspace(0.5, 1.5, 8), np.linspace(-0.2, 0.2, 8), mean + 0.1, variance * 0.5]
    )
    return model


def teach_head(model: Any, pixels: Any, truth: Any) -> None:
    """Solves the last layer for the samples, so that the answers are clear ones."""
    import keras

    features = keras.Model(model.input, model.get_layer("head").input)
    x = np.asarray(features(pixels[..., np.newaxis].astype(np.float32) / np.float32(255)), np.float64)
    wanted = 6.0 * np.eye(7)[truth] - 3.0
    kernel = x.T @ np.linalg.solve(x @ x.T + 0.05 * np.trace(x @ x.T) / len(x) * np.eye(len(x)), wanted)
    model.get_layer("head").set_weights([kernel, np.zeros(7)])
