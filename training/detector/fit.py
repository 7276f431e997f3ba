"""Training the detector: a recipe and material in, the float model and its history out."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from msgspec import structs

from edge.errors import ModelError
from training.average import WeightAverage, values_of
from training.batches import feed
from training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from training.detector.compose import MAX_FACES, compose
from training.detector.evaluate import evaluate
from training.detector.floating import FloatDetector
from training.detector.loss import DetectionLoss
from training.detector.mining import hardness
from training.detector.recipe import check_start, fingerprint, is_tuning
from training.detector.threshold import shift_for, shift_logits
from training.detector.tune import begin, free
from training.fit import TrainingError
from training.history import write_history
from training.quantize.graph import output_step
from training.quantize.tune import SAVED_MODEL, export
from training.run import save_model
from training.weights import assign

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from training.detector.material import Material
    from training.detector.photos import Photo
    from training.detector.recipe import DetectorRecipe, Training

CHECKPOINT, MODEL, HISTORY = "checkpoint.npz", "face.keras", "history.csv"
LOWEST_SCORE = 0.02


class Pictures(keras.utils.PyDataset):  # type: ignore[misc]
    """An epoch's batches, composed as they are asked for: luma / 255 and the faces."""

    def __init__(self, material: Material, how: Training, epoch: int) -> None:
        super().__init__(workers=2, max_queue_size=8)
        self._material, self._how, self._epoch = material, how, epoch

    def __len__(self) -> int:
        return self._how.steps_per_epoch

    def __getitem__(self, batch: int) -> tuple[Any, Any]:
        side, size = self._how.side_px, self._how.batch_size
        luma = np.empty((size, side, side, 1), np.float32)
        faces = np.zeros((size, MAX_FACES, 5), np.float32)
        for number in range(size):
            picture = compose(self._material, side, (self._how.seed, self._epoch, batch * size + number))
            luma[number, :, :, 0] = picture.luma
            faces[number, : len(picture.faces)] = picture.faces
        return luma / 255, faces


def fit_detector(
    recipe: DetectorRecipe,
    material: Material,
    validation: dict[str, list[Photo]],
    out: Path,
    *,
    scenes: Sequence[Photo] = (),
    start: Path | None = None,
    resume: bool = False,
    tell: Callable[[str], None] = print,
) -> Any:
    """Train by the recipe; writes checkpoint, history and the best float model into `out`.

    validation: photos of each set; the model kept is the one with the best mean AP over the sets. scenes:
    photos without people, by which its scores are shifted in the end (training/detector/threshold.py). start: a
    float model whose weights the run begins with; a recipe of precision int8 needs it, and leaves a SavedModel that
    brings its own ranges, too. Raises TrainingError on a loss that is no number, ConfigError or ModelError if there
    is nothing to resume or to start from, SinkError if nothing can be written.
    """
    how = recipe.train
    check_start(recipe, start, resume=resume)
    keras.utils.set_random_seed(how.seed)
    model = begin(recipe, material, None if resume else start, tell)
    warmup = round(how.warmup_epochs * how.steps_per_epoch)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else how.learning_rate,
        max(1, how.epochs * how.steps_per_epoch - warmup),
        warmup_target=how.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=how.weight_decay, clipnorm=10.0)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    # XLA is slow to start, and on CPUs slower.
    model.compile(optimizer, loss=DetectionLoss(dtype="float32"), jit_compile=False)
    average = WeightAverage(how.ema)
    average.start(model)
    best, history = average.arrays, []
    path = out / CHECKPOINT
    if resume:
        saved = read_checkpoint(path)
        if saved.recipe != fingerprint(recipe):
            raise ModelError(f"{path}: was made by another recipe: start again without --resume")
        optimizer.build(model.trainable_variables)
        assign(model.variables, saved.variables, str(path))
        assign(optimizer.variables, saved.optimizer, str(path))
        average.arrays, best, history = saved.average, saved.best, saved.history
    for epoch in range(len(history), how.epochs):
        began = time.monotonic()
        if epoch and (epoch % how.validate_every == 0 or not len(material.hardness)):
            with average.swapped_in(model):
                material = structs.replace(material, hardness=hardness(detector_of(model, recipe), material.scenes))
        logs = model.fit(
            feed(Pictures(material, how, epoch)),
            epochs=epoch + 1,
            initial_epoch=epoch,
            callbacks=[average],
            shuffle=False,
            verbose=0,
        )
        row = {"epoch": epoch + 1, "loss": float(logs.history["loss"][-1])}
        if not math.isfinite(row["loss"]):
            raise TrainingError(f"epoch {epoch + 1}: the loss is {row['loss']}: lower train.learning_rate")
        if (epoch + 1) % how.validate_every == 0 or epoch + 1 == how.epochs:
            with average.swapped_in(model):
                row |= validate(model, recipe, validation)
            if all(row["ap"] > past.get("ap", -1.0) for past in history):
                best = [array.copy() for array in average.arrays]
        row["seconds"] = round(time.monotonic() - began, 1)
        history.append(row)
        tell("  ".join(f"{key} {value:.6g}" for key, value in row.items()))
        write_checkpoint(
            path,
            Checkpoint(
                epoch + 1,
                fingerprint(recipe),
                history,
                [np.asarray(keras.ops.convert_to_numpy(v)) for v in model.variables],
                average.arrays,
                best,
                [np.asarray(keras.ops.convert_to_numpy(v)) for v in optimizer.variables],
            ),
        )
        write_history(out / HISTORY, [{**dict.fromkeys(columns(history), math.nan), **past} for past in history])
    finished = free(best, recipe)
    if scenes:
        shift = shift_for(FloatDetector(finished, min_score=LOWEST_SCORE), scenes, output_step(finished))
        shift_logits(finished, [shift + more for more in how.raised])
        tell(f"logits shifted by {shift:+.3f}, by {len(scenes)} scenes without people")
    save_model(finished, out / MODEL)
    if is_tuning(recipe) and keras.backend.backend() == "tensorflow":
        export(finished, out / SAVED_MODEL)
    return finished


def validate(model: Any, recipe: DetectorRecipe, validation: dict[str, list[Photo]]) -> dict[str, float]:
    """AP of each set at 320 px, and the sets' mean."""
    detector = detector_of(model, recipe)
    found = {f"ap_{name}": evaluate(detector, photos).ap for name, photos in validation.items()}
    return {"ap": float(np.mean(list(found.values()))), **found}


def detector_of(model: Any, recipe: DetectorRecipe) -> FloatDetector:
    """The model in training as a detector of pictures of any size."""
    return FloatDetector(free(values_of(model), recipe), min_score=LOWEST_SCORE)


def columns(history: list[dict[str, float]]) -> list[str]:
    return list(dict.fromkeys(key for row in history for key in row))
