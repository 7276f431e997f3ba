"""A few more epochs for a trained network, with the rounding of int8 in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edge.errors import ConfigError, ModelError, SinkError
from edge.model.preprocess import softmax
from training.batches import scores_of
from training.fit import Tell, check_parts, compile_model, train
from training.loss import adjusted, decided, log_prior
from training.predictor import load_keras
from training.quantize.graph import observe, settle, with_fake_quantization
from training.recipe import DistilConfig, Recipe
from training.run import MODEL, Run, save_model
from training.splits import LABEL_SETS, Part, Splits
from training.temperature import RANGE
from training.weights import assign

SAVED_MODEL = "saved_model"
OBSERVED = 420
"""Faces that give the ranges to start from."""


class Tuning(Struct, frozen=True, kw_only=True):
    """epochs, learning_rate: of the tuning; the rest is as the parent's recipe says.
    parent_share: of the parent's own scores in every target, 0..1: they keep what other heads and teachers taught.
    """

    epochs: int = 3
    learning_rate: float = 0.001
    parent_share: float = 0.5


def tune(
    parent: Path,
    recipe: Recipe,
    splits: Splits,
    out: Path,
    how: Tuning,
    *,
    resume: bool = False,
    tell: Tell = print,
    bar: bool = False,
) -> Any:
    """The parent with fake quantization, tuned; writes model.keras and saved_model/ into `out`.

    recipe: the parent's. Raises ModelError where the parent cannot be quantized here, ConfigError where its labels
    are not the recipe's, SinkError if nothing can be written.
    """
    source = load_keras(parent)
    recipe = tuning_recipe(recipe, how)
    head = recipe.loss.head
    if source.output_shape[-1] != len(LABEL_SETS[head]):
        raise ConfigError(
            f"{parent}: has {source.output_shape[-1]} outputs, its recipe's head {head} another number"
        )
    check_parts(recipe, splits)
    keras.utils.set_random_seed(recipe.train.seed)
    single = with_fake_quantization(source, str(parent))
    part = splits.training
    shift = recipe.loss.logit_adjustment * log_prior(part.targets[head])
    said = scores_of(keras.Model(source.input, {head: source.output}), part.pixels)[head]
    scale = best_scale(said, shift, part.targets[head])
    scale_head(single, scale)
    observe(single, observed(part, recipe.train.seed))
    model = keras.Model(single.input, {head: single.output}, name=single.name)
    targets = adjusted(decided(part.targets, recipe.loss)[head], recipe.loss)
    own = softmax(np.float32(scale) * said + shift)
    targets = (1 - how.parent_share) * targets + how.parent_share * own * targets.sum(axis=1, keepdims=True)
    compile_model(model, recipe, part, max(1, len(part) // recipe.train.batch_size))
    if keras.backend.backend() == "tensorflow":
        model.jit_compile = False  # its own kernels are faster on a CPU
    run = Run(recipe, model, out)
    if resume:
        run.resume()
    else:
        tell(f"{parent} with its weights and activations rounded: {_told(run.validate(splits.validation))}")
    train(run, splits, {head: np.asarray(targets, np.float32)}, tell=tell, bar=bar)
    assign(model.variables, run.best, "best weights")
    settle(single)
    write(single, out)
    return single


def observed(part: Part, seed: int) -> NDArray[np.float32]:
    """The pictures that give a network its first ranges, float32 (n, height, width, 1) in 0..1."""
    rng = np.random.default_rng(seed)
    faces = part.pixels[np.sort(rng.permutation(len(part))[:OBSERVED])]
    return faces[..., np.newaxis].astype(np.float32) / np.float32(255)


def tuning_recipe(recipe: Recipe, how: Tuning) -> Recipe:
    """The parent's recipe for its last epochs: one head, float32, a small rate.

    What the parent folded into its bias afterwards is part of it now, so the loss must expect it while training.
    """
    loss = msgspec.structs.replace(
        recipe.loss,
        second_head_weight=0.0,
        logit_adjustment=recipe.loss.logit_adjustment + recipe.loss.fold_prior,
        fold_prior=0.0,
        calibrate=False,
    )
    train_config = msgspec.structs.replace(
        recipe.train,
        epochs=how.epochs,
        learning_rate=how.learning_rate,
        warmup_epochs=0.0,
        patience=0,
        precision="float32",
    )
    return msgspec.structs.replace(
        recipe,
        name=f"{recipe.name}-int8"[:64],
        loss=loss,
        train=train_config,
        distil=DistilConfig(weight=how.parent_share),
    )


def best_scale(logits: NDArray[np.float32], shift: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
    """The factor by which logits explain their targets best.

    A calibrated parent was divided by a temperature; without its inverse, tuning would first undo that.
    """
    losses = [-(targets * np.log(softmax(np.float32(factor) * logits + shift) + 1e-9)).sum() for factor in RANGE]
    return float(RANGE[int(np.argmin(losses))])


def scale_head(model: Any, factor: float) -> None:
    """Multiply a network's logits, kernel, bias and the ranges of both, so that the integers behind stay.

    Raises ModelError if the last layer with weights is not where logits are made.
    """
    weighty = [layer for layer in model.layers if hasattr(layer, "kernel")]
    if not weighty or not weighty[-1].use_bias or weighty[-1].activation.__name__ != "linear":
        raise ModelError(f"{model.name}: its last layer with weights gives no logits: nothing to scale")
    at = model.layers.index(weighty[-1])
    for layer in model.layers[at:]:
        for variable in layer.variables:
            if keras.backend.is_float_dtype(variable.dtype):
                variable.assign(variable * factor)


def write(model: Any, out: Path) -> None:
    """model.keras, and what mien-convert takes. Raises SinkError."""
    save_model(model, out / MODEL)
    if keras.backend.backend() == "tensorflow":
        export(model, out / SAVED_MODEL)


def export(model: Any, folder: Path) -> None:
    """A SavedModel of batch 1, whose ranges TFLite's converter keeps. Raises SinkError."""
    import tensorflow as tf

    archive = keras.export.ExportArchive()
    archive.track(model)
    signature = [tf.TensorSpec((1, *model.input.shape[1:]), tf.float32, name="image")]
    archive.add_endpoint("serve", lambda image: model(image, training=False), input_signature=signature)
    try:
        archive.write_out(str(folder), verbose=False)
    except OSError as error:
        raise SinkError(f"{folder}: cannot be written: {error.strerror or error}") from error


def _told(scores: dict[str, float]) -> str:
    return "  ".join(f"{key} {value:.4f}" for key, value in scores.items())
