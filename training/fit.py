"""Training: a recipe and faces in, a float model and its evidence out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from edge.errors import ConfigError, MienError
from training.batches import EpochBatches, feed
from training.distil import SoftTargets, softened
from training.distribute import ALONE, Worker
from training.eventlog import EventLog
from training.loss import adjusted, decided, loss_for
from training.models import build_model, settle
from training.recipe import Recipe
from training.run import EVENTS, Run
from training.sharpness import sharpness_aware
from training.splits import LABEL_SETS, Part, Splits
from training.weights import in_policy, take_weights

Tell = Callable[[str], None]


class TrainingError(MienError, ArithmeticError):
    """A run that cannot go on: the message names the epoch and what broke."""


def fit(
    recipe: Recipe,
    splits: Splits,
    out: Path,
    *,
    resume: bool = False,
    start: Sequence[Path] = (),
    teacher: SoftTargets | None = None,
    tell: Tell = print,
    bar: bool = False,
    tensorboard: bool = False,
    worker: Worker = ALONE,
) -> Any:
    """Train by the recipe; writes checkpoint, history and the best float32 model into `out`.

    The weights kept are those of the epoch with the best validation accuracy.
    start: .keras models whose weights are taken, one after the other, wherever name and shape agree. teacher: what
    larger networks say of the training faces, for a recipe with a [distil] table. bar: show Keras' progress bar.
    tensorboard: write the history for it, too. worker: this process, where several train together and have joined.
    Raises TrainingError on a loss that is no number, SinkError if nothing can be written, ModelError if there is
    nothing to resume.
    """
    heads = recipe.heads()
    check_parts(recipe, splits)
    if bool(recipe.distil.weight) != (teacher is not None):
        raise ConfigError("distil.weight: needs a teacher, and a teacher needs it above 0: fit --teacher FILE")
    keras.utils.set_random_seed(recipe.train.seed)
    model = in_policy(recipe.train.precision, lambda: build_model(recipe.model, heads))
    if recipe.train.sam_rho:
        model = sharpness_aware(model, recipe.train.sam_rho)
    steps = max(1, len(splits.training) // recipe.train.batch_size)
    compile_model(model, recipe, splits.training, steps)
    for path in () if resume else start:
        tell(f"{take_weights(model, path)} layers start from {path}")
    if start and not resume:
        settle(recipe.model, model, splits.training.pixels)
    run = Run(recipe, model, out, worker)
    if resume:
        run.resume()
    targets = decided({name: splits.training.targets[name] for name in heads}, recipe.loss)
    if recipe.distil.weight and teacher is not None:
        targets = softened(targets, teacher.of(splits.training.pixels), recipe.distil)
    targets = {name: adjusted(array, recipe.loss) for name, array in targets.items()}
    log = EventLog(out / EVENTS) if tensorboard and worker.number == 0 else None
    train(run, splits, targets, tell=tell, bar=bar, log=log)
    return run.save_best(splits)


def train(
    run: Run,
    splits: Splits,
    targets: dict[str, NDArray[np.float32]],
    *,
    tell: Tell,
    bar: bool,
    log: EventLog | None = None,
) -> None:
    """The epochs that a run still lacks, each followed by a checkpoint.

    targets: of the training faces, by head, as they are to be learnt. Raises TrainingError, SinkError.
    """
    recipe = run.recipe
    for epoch in range(run.epoch, recipe.train.epochs):
        began = time.monotonic()
        batches = EpochBatches(
            splits.training.pixels,
            targets,
            recipe.augment,
            batch_size=recipe.train.batch_size,
            seed=recipe.train.seed,
            epoch=epoch,
            worker=run.worker,
        )
        # Keras would shuffle the batches once more, by a state that no checkpoint holds.
        logs = run.model.fit(
            feed(batches),
            epochs=epoch + 1,
            initial_epoch=epoch,
            callbacks=[run.average],
            shuffle=False,
            verbose=int(bar),
        )
        loss = float(logs.history["loss"][-1])
        check_numbers(run, epoch, loss)
        row = {"epoch": epoch + 1, "loss": loss, **run.validate(splits.validation)}
        row["seconds"] = round(time.monotonic() - began, 1)
        run.finish_epoch(row)
        if log is not None:
            log.add(row)
        tell(progress_line(row, recipe))
        if recipe.train.patience and run.epochs_since_best() >= recipe.train.patience:
            tell(f"stopped: no better validation accuracy for {recipe.train.patience} epochs")
            break


def check_numbers(run: Run, epoch: int, loss: float) -> None:
    """Raises TrainingError if an epoch ended in what is no number: it must not replace the last good checkpoint."""
    if not math.isfinite(loss):
        broken = f"the loss is {loss}"
    elif not run.is_finite():
        broken = "weights are no longer finite numbers"  # the last step broke them, which no loss has seen yet
    else:
        return
    raise TrainingError(f"epoch {epoch + 1}: {broken}: lower train.learning_rate or set train.clip_norm")


def check_parts(recipe: Recipe, splits: Splits) -> None:
    """Raises ConfigError if a head has no label to learn, a label no face, or a setting no logits to work on."""
    if recipe.model.output == "softmax":
        for key in ("logit_adjustment", "fold_prior", "calibrate"):
            if getattr(recipe.loss, key):
                raise ConfigError(f'loss.{key}: works on logits: set model.output = "logits"')
    for name in recipe.heads():
        totals = splits.training.targets[name].sum(axis=0)
        if not totals.any():
            raise ConfigError(f"loss: head {name}: no training face has such a label (are the votes missing?)")
        empty = [label for label, total in zip(LABEL_SETS[name], totals, strict=True) if total == 0]
        if empty and name == recipe.loss.head:
            raise ConfigError(f"head {name}: no training face shows {', '.join(empty)}: add some with --extra")


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
    losses = {name: loss_for(part.targets[name], recipe.loss, logits=logits) for name in recipe.heads()}
    weights = {name: 1.0 if name == recipe.loss.head else recipe.loss.second_head_weight for name in losses}
    # TensorFlow's own kernels are faster on a CPU than what XLA makes of these networks.
    fused = keras.backend.backend() == "tensorflow" and recipe.train.precision != "float32"
    model.compile(optimizer, loss=losses, loss_weights=weights, jit_compile=False if fused else "auto")


def progress_line(row: dict[str, float], recipe: Recipe) -> str:
    scores = "  ".join(f"{key} {value:.4f}" for key, value in row.items() if key.startswith("val_"))
    return (
        f"epoch {row['epoch']:.0f}/{recipe.train.epochs}  loss {row['loss']:.4f}  {scores}  {row['seconds']:.0f} s"
    )
