"""Training: a recipe and faces in, a float model and its evidence out."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np

from edge.errors import ConfigError, MienError, ModelError
from training.average import WeightAverage
from training.batches import EpochBatches, scores_of
from training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from training.history import write_history
from training.loss import adjusted, loss_for
from training.models import build_model, one_head
from training.recipe import Recipe
from training.splits import LABEL_SETS, Part, Splits

CHECKPOINT, MODEL, HISTORY, RECIPE = "checkpoint.npz", "model.keras", "history.csv", "recipe.toml"

Tell = Callable[[str], None]


class TrainingError(MienError, ArithmeticError):
    """A run that cannot go on: the message names the epoch and what broke."""


def fit(recipe: Recipe, splits: Splits, out: Path, *, resume: bool = False, tell: Tell = print) -> Any:
    """Train by the recipe; writes checkpoint, history and the best float32 model into `out`.

    The weights kept are those of the epoch with the best validation accuracy.
    Raises TrainingError on a loss that is no number, SinkError if nothing can be written, ModelError if there is
    nothing to resume.
    """
    heads = heads_of(recipe)
    check_parts(recipe, splits)
    keras.utils.set_random_seed(recipe.train.seed)
    model = in_policy(recipe.train.precision, lambda: build_model(recipe.model, heads))
    steps = max(1, len(splits.training) // recipe.train.batch_size)
    compile_model(model, recipe, splits.training, steps)
    run = Run(recipe, model, out)
    if resume:
        run.resume()
    targets = {name: adjusted(splits.training.targets[name], recipe.loss) for name in heads}
    for epoch in range(run.epoch, recipe.train.epochs):
        began = time.monotonic()
        batches = EpochBatches(
            splits.training.pixels,
            targets,
            recipe.augment,
            batch_size=recipe.train.batch_size,
            seed=recipe.train.seed,
            epoch=epoch,
        )
        logs = model.fit(batches, epochs=epoch + 1, initial_epoch=epoch, callbacks=[run.average], verbose=0)
        loss = float(logs.history["loss"][-1])
        if not math.isfinite(loss):
            raise TrainingError(
                f"epoch {epoch + 1}: the loss is {loss}: lower train.learning_rate or set train.clip_norm"
            )
        row = {"epoch": epoch + 1, "loss": loss, **run.validate(splits.validation)}
        row["seconds"] = round(time.monotonic() - began, 1)
        run.finish_epoch(row)
        tell(progress_line(row, recipe))
        if recipe.train.patience and run.epochs_since_best() >= recipe.train.patience:
            tell(f"stopped: no better validation accuracy for {recipe.train.patience} epochs")
            break
    return run.save_best()


class Run:
    """The state of one training: weights, their average, the best so far, history."""

    def __init__(self, recipe: Recipe, model: Any, out: Path) -> None:
        self.recipe, self.model, self.out = recipe, model, out
        self.average = WeightAverage(recipe.train.ema)
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
        with self.average.swapped_in(self.model):
            outputs = scores_of(self.model, part.pixels)
        found = {}
        for name, scores in outputs.items():
            targets = part.targets[name]
            known = targets.any(axis=1)
            right = scores[known].argmax(axis=1) == targets[known].argmax(axis=1)
            key = "val_accuracy" if name == self.recipe.loss.head else f"val_accuracy_{name}"
            found[key] = float(right.mean()) if known.any() else 0.0
        return found

    def finish_epoch(self, row: dict[str, float]) -> None:
        """Remember the epoch, on disk, too."""
        if all(row["val_accuracy"] > past["val_accuracy"] for past in self.history):
            self.best = [array.copy() for array in self.average.arrays]
        self.history.append(row)
        arrays = [np.asarray(keras.ops.convert_to_numpy(v)) for v in self.model.variables]
        state = [np.asarray(keras.ops.convert_to_numpy(v)) for v in self.model.optimizer.variables]
        saved = Checkpoint(
            self.epoch, self.fingerprint, self.history, arrays, self.average.arrays, self.best, state
        )
        write_checkpoint(self.out / CHECKPOINT, saved)
        write_history(self.out / HISTORY, self.history)

    def epochs_since_best(self) -> int:
        accuracies = [row["val_accuracy"] for row in self.history]
        return len(accuracies) - 1 - int(np.argmax(accuracies))

    def save_best(self) -> Any:
        """Write the best weights as a float32 model with the one head that was asked for, and give it."""
        model = in_policy("float32", lambda: build_model(self.recipe.model, heads_of(self.recipe)))
        assign(model.variables, self.best, "best weights")
        finished = one_head(model, self.recipe.loss.head)
        unfinished = self.out / f"unfinished-{MODEL}"
        finished.save(unfinished)
        unfinished.replace(self.out / MODEL)
        return finished


def heads_of(recipe: Recipe) -> dict[str, int]:
    """Name and number of labels of every head that is trained, the asked for first."""
    names: list[str] = [recipe.loss.head]
    if recipe.loss.second_head_weight > 0:
        names += [name for name in LABEL_SETS if name not in names]
    return {name: len(LABEL_SETS[name]) for name in names}


def check_parts(recipe: Recipe, splits: Splits) -> None:
    """Raises ConfigError if a head has no label to learn, or a label no face."""
    for name in heads_of(recipe):
        totals = splits.training.targets[name].sum(axis=0)
        if not totals.any():
            raise ConfigError(f"loss: head {name}: no training face has such a label (are the votes missing?)")
        empty = [label for label, total in zip(LABEL_SETS[name], totals, strict=True) if total == 0]
        if empty and name == recipe.loss.head:
            raise ConfigError(f"head {name}: no training face shows {', '.join(empty)}")


def compile_model(model: Any, recipe: Recipe, part: Part, steps: int) -> None:
    """Optimizer, schedule and a loss for each head."""
    how = recipe.train
    rate: Any = how.learning_rate
    if how.schedule == "cosine":
        warmup = round(how.warmup_epochs * steps)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else how.learning_rate,
            max(1, how.epochs * steps - warmup),
            warmup_target=how.learning_rate if warmup else None,
            warmup_steps=warmup,
        )
    shared = {"learning_rate": rate, "clipnorm": how.clip_norm or None}
    if how.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(
            momentum=0.9, nesterov=True, weight_decay=how.weight_decay or None, **shared
        )
    elif how.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(weight_decay=how.weight_decay, **shared)
    else:
        optimizer = keras.optimizers.Adam(**shared)
    if how.weight_decay and how.optimizer != "adam":
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    logits = recipe.model.output == "logits"
    losses = {name: loss_for(part.targets[name], recipe.loss, logits=logits) for name in heads_of(recipe)}
    weights = {name: 1.0 if name == recipe.loss.head else recipe.loss.second_head_weight for name in losses}
    model.compile(optimizer, loss=losses, loss_weights=weights)


def in_policy(policy: str, build: Callable[[], Any]) -> Any:
    """What `build` gives while Keras' precision is `policy`."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        return build()
    finally:
        keras.config.set_dtype_policy(before)


def assign(variables: list[Any], arrays: list[Any], where: str) -> None:
    """Set variables. Raises ModelError if there are others, or of other shapes."""
    if [tuple(v.shape) for v in variables] != [a.shape for a in arrays]:
        raise ModelError(f"{where}: holds {len(arrays)} weights of other shapes than this model's {len(variables)}")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def fingerprint(recipe: Recipe) -> str:
    return hashlib.sha256(msgspec.json.encode(recipe)).hexdigest()


def progress_line(row: dict[str, float], recipe: Recipe) -> str:
    scores = "  ".join(f"{key} {value:.4f}" for key, value in row.items() if key.startswith("val_"))
    return (
        f"epoch {row['epoch']:.0f}/{recipe.train.epochs}  loss {row['loss']:.4f}  {scores}  {row['seconds']:.0f} s"
    )
