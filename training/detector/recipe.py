"""The detector's recipe: everything a run is, in one TOML file, kept with its result."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from edge.errors import ConfigError
from training.recipe import bundled_path, parse, read_toml

RECIPES = Path(__file__).with_name("recipes")


class Network(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The trunk, block by block for each of STRIDES, and what meets where.

    A block is a letter and its channels: k a dense 3x3 convolution, r a residual pair of them, d a
    depthwise-separable one, w the same over 5x5. The first block of each stride halves the picture. The trunk
    starts at stride 4, where squares of 4x4 pixels are 16 channels: on an A72 a convolution of one channel costs
    as much as of eight.
    neck: channels of each of STRIDES where the levels meet; the heads keep them.
    head: a separable block before each output, or none.
    """

    trunk: tuple[tuple[Annotated[str, Meta(pattern=r"^[krdw][0-9]{1,3}$")], ...], ...]
    neck: tuple[Annotated[int, Meta(ge=1, le=512)], ...]
    head: bool = True


class Training(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How it is trained: AdamW, the rate rising for a while, then falling as a cosine.

    side_px: of the square pictures. ema: decay of the weights' running mean, a step. validate_every: epochs.
    precision: of the arithmetic while training; the saved model is float32 in any case. int8 is float32 with int8's
    rounding in it, for the last epochs of a trained network (training/detector/tune.py). raised: what is added to
    the logits of each of STRIDES in the end, beyond the shift that all get (training/detector/threshold.py).
    """

    side_px: Annotated[int, Meta(ge=64, le=1024, multiple_of=32)] = 256
    batch_size: Annotated[int, Meta(ge=1, le=4096)] = 32
    steps_per_epoch: Annotated[int, Meta(ge=1)] = 250
    epochs: Annotated[int, Meta(ge=1, le=10000)] = 60
    learning_rate: Annotated[float, Meta(gt=0, le=1)] = 3e-3
    warmup_epochs: Annotated[float, Meta(ge=0)] = 1.0
    weight_decay: Annotated[float, Meta(ge=0, le=1)] = 0.01
    ema: Annotated[float, Meta(ge=0, lt=1)] = 0.999
    validate_every: Annotated[int, Meta(ge=1)] = 2
    precision: Literal["float32", "mixed_bfloat16", "int8"] = "mixed_bfloat16"
    raised: tuple[float, float, float] = (0.0, 0.0, 0.0)
    seed: int = 5


class DetectorRecipe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named run."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    network: Network
    train: Training = field(default_factory=Training)


def load_detector_recipe(name: str) -> tuple[DetectorRecipe, Path]:
    """(recipe, its file): a bundled one by name, or a TOML file. Raises ConfigError."""
    path = bundled_path(name, RECIPES, "recipe")
    return parse(read_toml(path), DetectorRecipe, str(path)), path


def is_tuning(recipe: DetectorRecipe) -> bool:
    """Whether the run goes on from a trained network with int8's rounding in it."""
    return recipe.train.precision == "int8"


def check_start(recipe: DetectorRecipe, start: Path | None, *, resume: bool) -> None:
    """Raises ConfigError where a recipe tunes a trained network and none is named."""
    if is_tuning(recipe) and start is None and not resume:
        raise ConfigError(f'recipe {recipe.name}: train.precision = "int8" tunes a trained network: --start FILE')


def fingerprint(recipe: DetectorRecipe) -> str:
    """Of everything that trains: what is raised afterwards may still be changed, and the run resumed for it."""
    parts = msgspec.to_builtins(recipe)
    del parts["train"]["raised"]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()
