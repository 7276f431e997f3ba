"""The state of a training on its way, and how it survives a stop."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from training.average import WeightAverage, values_of
from training.batches import scores_of
from training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from training.distribute import ALONE, Worker, undistributed
from training.history import write_history
from training.loss import log_prior
from training.models import build_model, one_head
from training.recipe import Recipe
from training.splits import Part, Splits
from training.temperature import fit_temperature
from training.weights import assign, in_policy
from training.whole import written_whole

CHECKPOINT, MODEL, HISTORY, EVENTS = "checkpoint.npz", "model.keras", "history.csv", "tensorboard"


class Run:
    """The state of one training: weights, their average, the best so far, history.

    worker: which one this process is where several train together; the first alone writes, each validates.
    """

    def __init__(self, recipe: Recipe, model: Any, out: Path, worker: Worker = ALONE) -> None:
        self.worker = worker
        self._twin: Any = None
        self.recipe, self.model, self.out = recipe, model, out
        how = recipe.train
        even_from = max(0, how.epochs - how.swa_epochs) if how.swa_epochs else None
        self.average = WeightAverage(how.ema, even_from)
        self.average.start(model)
        self.best = self.average.arrays
        self.history: list[dict[str, float]] = []
        self.fingerprint = fingerprint(recipe)

    @property
    def epoch(self) -> int:
        return len(self.history)

    def resume(self) -> None:
        """Go on from the checkpoint in `out`. Raises ModelError if it is missing or of another recipe."""
        path = self.out / CHECKPOINT
        saved = read_checkpoint(path)
        if saved.recipe != self.fingerprint:
            raise ModelError(f"{path}: was made by another recipe: start again without --resume")
        self.model.optimizer.build(self.model.trainable_variables)
        for variables, arrays in (
            (self.model.variables, saved.variables),
            (self.model.optimizer.variables, saved.optimizer),
        ):
            assign(variables, arrays, str(path))
        self.average.arrays, self.best, self.history = saved.average, saved.best, saved.history

    def validate(self, part: Part) -> dict[str, float]:
        """Accuracy of the averaged weights, for each head on the faces that it has a label for."""
        outputs = self._averaged_outputs(part)
        found = {}
        for name, scores in outputs.items():
            targets = part.targets[name]
            known = targets.any(axis=1)
            right = scores[known].argmax(axis=1) == targets[known].argmax(axis=1)
            key = "val_accuracy" if name == self.recipe.loss.head else f"val_accuracy_{name}"
            found[key] = float(right.mean()) if known.any() else 0.0
            if name == self.recipe.loss.head:
                shown = targets[known].argmax(axis=1)
                found["val_mean_recall"] = float(np.mean([right[shown == label].mean() for label in set(shown)]))
        return found

    def _averaged_outputs(self, part: Part) -> dict[str, NDArray[np.float32]]:
        if self.worker.count == 1:
            with self.average.swapped_in(self.model):
                return scores_of(self.model, part.pixels)
        with undistributed():
            if self._twin is None:
                self._twin = build_model(self.recipe.model, self.recipe.heads())
            assign(self._twin.variables, self.average.arrays, "averaged weights")
            return scores_of(self._twin, part.pixels)

    def finish_epoch(self, row: dict[str, float]) -> None:
        """Remember the epoch, on disk, too."""
        if all(row["val_accuracy"] > past["val_accuracy"] for past in self.history):
            self.best = [array.copy() for array in self.average.arrays]
        self.history.append(row)
        if self.worker.number > 0:
            return
        arrays = [np.asarray(keras.ops.convert_to_numpy(v)) for v in self.model.variables]
        state = [np.asarray(keras.ops.convert_to_numpy(v)) for v in self.model.optimizer.variables]
        saved = Checkpoint(
            self.epoch, self.fingerprint, self.history, arrays, self.average.arrays, self.best, state
        )
        write_checkpoint(self.out / CHECKPOINT, saved)
        write_history(self.out / HISTORY, self.history)

    def is_finite(self) -> bool:
        """Whether weights and their average are all numbers that can be gone on with."""
        return all(np.isfinite(array).all() for array in (*values_of(self.model), *self.average.arrays))

    def epochs_since_best(self) -> int:
        accuracies = [row["val_accuracy"] for row in self.history]
        return len(accuracies) - 1 - int(np.argmax(accuracies))

    def save_best(self, splits: Splits) -> Any:
        """Write the best weights as float32 models of one head each, and give the one that was asked for.

        Where the recipe says so, the training labels' shares leave the bias, and validation gives a temperature.
        Raises SinkError if they cannot be written.
        """
        with undistributed():
            return self._finished(splits)

    def _finished(self, splits: Splits) -> Any:
        model = in_policy("float32", lambda: build_model(self.recipe.model, self.recipe.heads()))
        assign(model.variables, self.best, "best weights")
        asked, *others = self.recipe.heads()
        for name in others if self.worker.number == 0 else ():
            save_model(one_head(model, name), self.out / f"second-{name}.keras")
        if self.recipe.loss.fold_prior:
            head = model.get_layer(asked)
            head.bias.assign_sub(self.recipe.loss.fold_prior * log_prior(splits.training.targets[asked]))
        if self.recipe.loss.calibrate:
            outputs = scores_of(model, splits.validation.pixels)[asked]
            temperature = fit_temperature(outputs, splits.validation.targets[asked])
            for variable in model.get_layer(asked).variables:
                variable.assign(variable / temperature)
        finished = one_head(model, asked)
        if self.worker.number == 0:
            save_model(finished, self.out / MODEL)
        return finished


def save_model(model: Any, path: Path) -> None:
    """Write all or nothing. Raises SinkError."""
    with written_whole(path) as unfinished:
        model.save(unfinished)


def fingerprint(recipe: Recipe) -> str:
    """Of everything that trains and differs from the defaults, so that a new setting leaves old runs their name.

    What is folded in afterwards may still be changed, and the run resumed for it.
    """
    trains = msgspec.structs.replace(
        recipe, loss=msgspec.structs.replace(recipe.loss, fold_prior=0.0, calibrate=False)
    )
    parts = msgspec.to_builtins(trains)
    if not parts["distil"]:
        del parts["distil"]  # a table of later, which old runs do not have
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()
