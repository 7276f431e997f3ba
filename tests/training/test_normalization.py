"""The fast normalization computes what Keras' own does."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras

from training.models.normalization import FusedBatchNormalization, normalization
from training.weights import in_policy

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's kernel")


def test_output_gradient_and_moving_statistics_are_those_of_keras() -> None:
    import tensorflow as tf

    x = np.random.default_rng(3).normal(2, 3, (16, 5, 4, 8)).astype(np.float32)
    outcomes = []
    for layer in (FusedBatchNormalization(momentum=0.9), keras.layers.BatchNormalization(momentum=0.9)):
        with tf.GradientTape() as tape:
            y = layer(tf.constant(x), training=True)
            loss = tf.reduce_sum(y * tf.sin(y))
        grads = tape.gradient(loss, layer.trainable_variables)
        after = layer(tf.constant(x), training=False)
        outcomes.append([np.asarray(a) for a in (y, after, *grads, layer.moving_mean)])
        variance = np.asarray(layer.moving_variance)
    for fast, plain in zip(*outcomes, strict=True):
        assert fast == pytest.approx(plain, rel=1e-3, abs=1e-2)
    # TensorFlow's kernel keeps the unbiased variance: n / (n - 1) of Keras'.
    assert np.asarray(layer.moving_variance) == pytest.approx(variance, rel=0.01)


def test_finished_models_hold_keras_own_layer() -> None:
    assert type(in_policy("float32", normalization)) is keras.layers.BatchNormalization
    assert type(in_policy("mixed_bfloat16", normalization)) is FusedBatchNormalization
