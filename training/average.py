"""The running mean of a model's weights: steadier, and nearly always better, than the last step's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

EVERY_STEPS = 8
"""Copying weights out takes time; a mean over thousands of steps does not miss the ones between."""


class WeightAverage(keras.callbacks.Callback):  # type: ignore[misc]
    """Moving average of every variable, BatchNorm's statistics included.

    decay: per step, of an exponential average; 0 follows the model exactly.
    even_from: from this epoch (counted from 0) on every step counts alike, as in stochastic weight averaging
    (Izmailov et al. 2018, arXiv:1803.05407); None never.
    """

    def __init__(self, decay: float, even_from: int | None = None) -> None:
        super().__init__()
        self._decay = decay**EVERY_STEPS
        self._even_from, self._epoch = even_from, 0
        self.arrays: list[NDArray[Any]] = []

    def start(self, model: Any) -> None:
        self.arrays = values_of(model)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 Keras names it
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 Keras names it
        if batch % EVERY_STEPS:
            return
        if self._even_from is not None and self._epoch >= self._even_from:
            an_epoch = -(-self.params["steps"] // EVERY_STEPS)
            done = (self._epoch - self._even_from) * an_epoch + batch // EVERY_STEPS
            self._update(done / (done + 1))
        elif self._decay:
            # Early on the mean would otherwise be mostly the random start.
            done = float(keras.ops.convert_to_numpy(self.model.optimizer.iterations)) / EVERY_STEPS
            self._update(min(self._decay, (1 + done) / (10 + done)))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 Keras names them
        if not self._decay and (self._even_from is None or self._epoch < self._even_from):
            self._update(0.0)

    def _update(self, decay: float) -> None:
        for mean, value in zip(self.arrays, values_of(self.model), strict=True):
            if np.issubdtype(mean.dtype, np.floating):
                mean[...] += (1 - decay) * (value - mean)
            else:
                mean[...] = value

    @contextmanager
    def swapped_in(self, model: Any) -> Iterator[None]:
        """The model has the averaged weights inside the block, and its own again after it."""
        own = values_of(model)
        try:
            set_values(model, self.arrays)
            yield
        finally:
            set_values(model, own)


def values_of(model: Any) -> list[NDArray[Any]]:
    """Copies of a model's variables, seeds included."""
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in model.variables]


def set_values(model: Any, arrays: list[NDArray[Any]]) -> None:
    for variable, array in zip(model.variables, arrays, strict=True):
        variable.assign(array)
