"""Sharpness-aware minimization: weights whose neighbours are good, too, err less on faces never seen.

Source: Foret et al. 2021, arXiv:2010.01412.
"""

from __future__ import annotations

from typing import Any

import keras

from edge.errors import ConfigError


def sharpness_aware(model: Any, rho: float) -> Any:
    """The same network, weights shared, whose training steps take the gradient uphill of where it stands.

    rho: the length of that climb, over all weights together. Raises ConfigError on other backends than TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        raise ConfigError(
            f"train.sam_rho: works on TensorFlow, and Keras runs on {keras.backend.backend()}: set it to 0"
        )
    made = SharpnessAware(model.input, model.output, name=model.name)
    made.rho = rho
    return made


class SharpnessAware(keras.Model):  # type: ignore[misc]
    """A functional model with a training step of two passes; the loss that it reports is the first's.

    BatchNorm's moving statistics see every batch twice, the second time a little uphill.
    """

    rho = 0.05

    def train_step(self, data: Any) -> Any:
        """One step. Gives the metrics."""
        import tensorflow as tf

        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        variables = self.trainable_variables
        values = [v.value for v in variables]

        def gradients() -> tuple[Any, Any, Any]:
            with tf.GradientTape() as tape:
                made = self(x, training=True)
                loss = self.compute_loss(x=x, y=y, y_pred=made, sample_weight=weight, training=True)
            return made, loss, tape.gradient(loss, values)

        made, loss, slopes = gradients()
        length = self.rho / (tf.linalg.global_norm(slopes) + 1e-12)
        climb = [slope * tf.cast(length, slope.dtype) for slope in slopes]
        for variable, step in zip(variables, climb, strict=True):
            variable.assign_add(step)
        _, _, uphill = gradients()
        for variable, step in zip(variables, climb, strict=True):
            variable.assign_sub(step)
        self.optimizer.apply_gradients(zip(uphill, variables, strict=True))
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
        return self.compute_metrics(x, y, made, sample_weight=weight)
