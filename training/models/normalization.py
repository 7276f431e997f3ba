"""Batch normalization that trains fast on a CPU."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers


def normalization(**how: Any) -> Any:
    """A BatchNormalization layer; under TensorFlow's mixed precision one that uses its fused kernel.

    Keras' own runs as a chain of element-wise operations: with it the compact network trains at a third of the
    speed (490 against 1,490 faces a second on two cores). The variables are the same, in the same order; finished
    models are built under float32 and so hold Keras' own layer.
    """
    mixed = keras.config.dtype_policy().name.startswith("mixed")
    if mixed and keras.backend.backend() == "tensorflow":
        return FusedBatchNormalization(**how)
    return layers.BatchNormalization(**how)


class FusedBatchNormalization(layers.BatchNormalization):  # type: ignore[misc]
    """Keras' BatchNormalization over the last axis, trained by TensorFlow's fused kernel."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:  # noqa: FBT001 Keras'
        """The statistics are of the batch while training, else the moving ones."""
        if not training:
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        nothing = tf.zeros([0])
        scaled, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=tf.cast(inputs, self.compute_dtype),
            scale=tf.cast(self.gamma, tf.float32),
            offset=tf.cast(self.beta, tf.float32),
            mean=nothing,
            variance=nothing,
            epsilon=self.epsilon,
            is_training=True,
        )
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + value * (1 - self.momentum))
        return scaled
