"""What a model is told to minimize."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from training.recipe import LossConfig


class SoftCrossEntropy(keras.losses.Loss):  # type: ignore[misc]
    """Cross-entropy of targets whose rows need not sum to 1: their sum is the weight of the face.

    Keras' own one has a wrong gradient there under TensorFlow, whose kernel takes the sum to be 1.
    shift: added to the logits while training (logit adjustment); None for scores instead of logits.
    """

    def __init__(self, shift: NDArray[np.float32] | None, name: str = "soft_cross_entropy") -> None:
        super().__init__(name=name, dtype="float32")
        self.shift = shift

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if self.shift is None:
            logarithms = ops.log(ops.clip(y_pred, 1e-7, 1.0))
        else:
            logarithms = ops.log_softmax(y_pred + ops.convert_to_tensor(self.shift), axis=-1)
        return -ops.sum(y_true * logarithms, axis=-1)


def decided(targets: dict[str, NDArray[np.float32]], config: LossConfig) -> dict[str, NDArray[np.float32]]:
    """Targets by head, the votes' as the recipe has them taught; rows of zeros stay so."""
    if config.votes == "shares" or "ferplus" not in targets:
        return targets
    shares = targets["ferplus"]
    winners = np.eye(shares.shape[1], dtype=np.float32)[shares.argmax(axis=1)]
    return {**targets, "ferplus": winners * shares.any(axis=1, keepdims=True)}


def adjusted(targets: NDArray[np.float32], config: LossConfig) -> NDArray[np.float32]:
    """Targets smoothed and balanced; rows of zeros stay so.

    targets: shape (n, labels). Returns float32 of the same shape.
    """
    known = targets.sum(axis=1, keepdims=True)
    smooth = config.label_smoothing
    smoothed = targets * (1 - smooth) + known * smooth / targets.shape[1]
    if config.balance == 0:
        return np.asarray(smoothed, np.float32)
    prior = np.maximum(prior_of(targets), 1e-6)
    weights = (1 / (prior * len(prior))) ** config.balance
    weights /= (weights * prior).sum()
    # A face is weighed by what it shows; weighing each label apart would bend its distribution.
    return np.asarray(smoothed * (targets @ weights)[:, np.newaxis], np.float32)


def prior_of(targets: NDArray[np.float32]) -> NDArray[np.float64]:
    """The share of each label among the targets; sums to 1."""
    total = targets.sum(axis=0, dtype=np.float64)
    return np.asarray(total / max(float(total.sum()), 1e-9))


def log_prior(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """The log of each label's share; float32, shape (labels,)."""
    return np.asarray(np.log(np.maximum(prior_of(targets), 1e-4)), np.float32)


def loss_for(targets: NDArray[np.float32], config: LossConfig, *, logits: bool) -> SoftCrossEntropy:
    """The loss of one head, given the training split's targets."""
    if not logits:
        return SoftCrossEntropy(None)
    return SoftCrossEntropy(config.logit_adjustment * log_prior(targets))
