"""The convolution with a faster gradient beside Keras' own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras

from training.models.convolution import CoarseConv2D, convolution
from training.weights import in_policy

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a layer of TensorFlow's own")
WHICH = "size, kernel, stride"


@pytest.mark.parametrize(
    WHICH, [((6, 6), 3, 1), ((12, 12), 3, 2), ((3, 5), 3, 2), ((7, 6), 1, 2), ((12, 24), 3, 1)]
)
def test_it_gives_what_keras_gives_forward_and_back(size: tuple[int, int], kernel: int, stride: int) -> None:
    import tensorflow as tf

    random = np.random.default_rng(3)
    faces = tf.constant(random.normal(size=(4, *size, 5)), tf.float32)
    weights = [random.normal(size=(kernel, kernel, 5, 7)).astype(np.float32)]
    found: list[list[Any]] = []
    for layer in (
        CoarseConv2D(7, kernel, stride, padding="same", use_bias=False),
        keras.layers.Conv2D(7, kernel, stride, padding="same", use_bias=False),
    ):
        layer.build(faces.shape)
        layer.set_weights(weights)
        with tf.GradientTape() as tape:
            tape.watch(faces)
            out = layer(faces)
            loss = tf.reduce_sum(tf.sin(out))
        found.append([out, *tape.gradient(loss, [faces, layer.kernel])])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_only_training_in_mixed_precision_uses_it() -> None:
    assert type(in_policy("float32", lambda: convolution(4, 3, 1))) is keras.layers.Conv2D
    assert type(in_policy("mixed_bfloat16", lambda: convolution(4, 3, 1))) is CoarseConv2D
