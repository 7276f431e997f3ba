"""A recipe: everything an experiment is, in one TOML file, kept with its result."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from edge.errors import ConfigError
from training.augment import Augmentation
from training.splits import LABEL_SETS

RECIPES, EXPERIMENTS = (Path(__file__).resolve().parent / name for name in ("recipes", "experiments"))

RECIPE_COPY = "recipe.toml"
"""The name of the recipe that is kept beside its result."""

Family = Literal["compact", "sequential", "xception", "transfer", "faceresnet", "trial"]
LabelSet = Literal["fer2013", "ferplus"]
Weights = Literal["none", "imagenet", "faces"]
T = TypeVar("T")

STARTS: dict[str, tuple[Weights, ...]] = {"transfer": ("none", "imagenet"), "faceresnet": ("none", "faces")}
"""What the networks of a family may start from; those of other families start from nothing."""


class ModelConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which network.

    size: a size of the family, e.g. "default" or "small"; for transfer the backbone, e.g. "mobilenetv2".
    weights: for transfer "imagenet" (fetched by Keras), for faceresnet "faces" (of the package
    face_recognition_models), or "none".
    dropout: the share of features that a training step hides before the heads.
    output: "logits" (what the converter wants) or "softmax" (as the tutorials do).
    """

    family: Family = "compact"
    size: str = "default"
    weights: Weights = "none"
    dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.2
    output: Literal["logits", "softmax"] = "logits"

    def __post_init__(self) -> None:
        if self.weights not in (known := STARTS.get(self.family, ("none",))):
            raise ValueError(f'weights = "{self.weights}": must be one of {", ".join(known)} for {self.family}')


class DataConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """keep_duplicates: train on every copy instead of one with the mean of their labels."""

    keep_duplicates: bool = False


class LossConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """head: the label set of the finished model.
    second_head: another label set that the trunk also learns, with this weight; 0 is none.
    label_smoothing: the share of every target that is spread over all labels.
    balance: 0 leaves classes as frequent as they are, 1 weighs each class alike.
    logit_adjustment: tau of Menon et al. 2021 (arXiv:2007.07314) while training; 0 aims at accuracy, 1 at mean
    recall. fold_prior: the same tau after training: the log of the labels' shares, times it, leaves the bias of the
    finished head. One of the two is enough.
    calibrate: divide the finished head by the temperature that makes its scores true on the validation split.
    votes: what a face's votes teach: the share of each label, or the winner's label alone.
    """

    head: LabelSet = "fer2013"
    second_head_weight: Annotated[float, Meta(ge=0, le=10)] = 0.0
    label_smoothing: Annotated[float, Meta(ge=0, lt=1)] = 0.1
    balance: Annotated[float, Meta(ge=0, le=1)] = 0.0
    logit_adjustment: Annotated[float, Meta(ge=0, le=3)] = 0.0
    fold_prior: Annotated[float, Meta(ge=0, le=3)] = 0.0
    calibrate: bool = False
    votes: Literal["shares", "winner"] = "shares"


class DistilConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is learnt from larger networks (`fit --teacher FILE`).

    weight: their share of every target; the labels have the rest, and 0 asks for no teacher.
    temperature: above 1 their scores are flattened before.
    """

    weight: Annotated[float, Meta(ge=0, le=1)] = 0.0
    temperature: Annotated[float, Meta(gt=0, le=20)] = 1.0


class TrainConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How the weights are found.

    learning_rate: the highest; it is reached after the warm-up and falls to 0 along a cosine, or stays (constant).
    weight_decay: decoupled, per step, times the learning rate; biases and norms are spared.
    ema: the decay per step of the averaged weights that are kept; 0 keeps the raw ones.
    swa_epochs: in so many last epochs the average counts every step alike instead; 0 in none.
    sam_rho: how far sharpness-aware minimization (arXiv:2010.01412) climbs before each step; 0 is off. It takes
    twice the time, and TensorFlow.
    patience: epochs without a better validation accuracy before stopping; 0 never stops.
    precision: of the arithmetic while training; the saved model is float32 in any case.
    """

    seed: int = 1
    epochs: Annotated[int, Meta(ge=1, le=10_000)] = 36
    batch_size: Annotated[int, Meta(ge=1, le=65_536)] = 128
    optimizer: Literal["sgd", "adam", "adamw"] = "sgd"
    learning_rate: Annotated[float, Meta(gt=0, le=10)] = 0.1
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup_epochs: Annotated[float, Meta(ge=0)] = 2.0
    weight_decay: Annotated[float, Meta(ge=0, le=1)] = 0.004
    clip_norm: Annotated[float, Meta(ge=0)] = 0.0
    ema: Annotated[float, Meta(ge=0, lt=1)] = 0.998
    swa_epochs: Annotated[int, Meta(ge=0)] = 0
    sam_rho: Annotated[float, Meta(ge=0, le=2)] = 0.0
    patience: Annotated[int, Meta(ge=0)] = 0
    precision: Literal["float32", "mixed_bfloat16"] = "mixed_bfloat16"


class Recipe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """name: of the experiment, and of the folder under runs/ that holds its result."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    description: str = ""
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    augment: Augmentation = field(default_factory=Augmentation)
    loss: LossConfig = field(default_factory=LossConfig)
    distil: DistilConfig = field(default_factory=DistilConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def heads(self) -> dict[str, int]:
        """Name and number of labels of every head that is trained, the one to be kept first."""
        names: list[str] = [self.loss.head]
        if self.loss.second_head_weight > 0:
            names += [name for name in LABEL_SETS if name not in names]
        return {name: len(LABEL_SETS[name]) for name in names}


def recipe_path(name: str) -> Path:
    """The file of a bundled recipe's name, or the file itself. Raises ConfigError if there is none."""
    return bundled_path(name, RECIPES, "recipe")


def bundled_path(name: str, folder: Path, kind: str) -> Path:
    """The TOML file of that name in a folder, or the file itself. Raises ConfigError if there is none."""
    if "/" not in name and not name.endswith(".toml"):
        bundled = folder / f"{name}.toml"
        if bundled.is_file():
            return bundled
        known = ", ".join(sorted(path.stem for path in folder.glob("*.toml")))
        raise ConfigError(f"{name}: no bundled {kind} of this name ({known}) and no .toml file")
    return Path(name)


def load_recipe(path: Path) -> Recipe:
    """The recipe in a file. Raises ConfigError, naming file, key and rule."""
    return parse_recipe(read_toml(path), str(path))


def read_toml(path: Path) -> str:
    """The text of a file. Raises ConfigError if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        raise ConfigError(f"{path}: cannot be read: {reason}") from error


def parse_recipe(text: str, where: str) -> Recipe:
    """The recipe in a TOML text. Raises ConfigError."""
    return parse(text, Recipe, where)


def parse(text: str, kind: type[T], where: str) -> T:
    """What a TOML text says, as `kind`. Raises ConfigError, naming file, key and rule."""
    try:
        return _converted(tomllib.loads(text), kind, where)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: no TOML: {error}") from error


def _converted(parts: dict[str, Any], kind: type[T], where: str) -> T:
    try:
        return msgspec.convert(parts, kind)
    except msgspec.ValidationError as error:
        message, _, at = str(error).partition(" - at `$")
        key = at.rstrip("`").lstrip(".")
        raise ConfigError(f"{where}: {key + ': ' if key else ''}{message.replace('`', '')}") from error


def as_toml(recipe: Recipe) -> str:
    """The recipe as a file says it; what is as by default is left out."""
    parts: dict[str, Any] = msgspec.to_builtins(recipe)
    tables = {key: part for key, part in parts.items() if isinstance(part, dict) and part}
    lines = [_line(key, value) for key, value in parts.items() if not isinstance(value, dict)]
    for key, table in tables.items():
        lines += ["", f"[{key}]", *(_line(name, value) for name, value in table.items())]
    return "\n".join(lines) + "\n"


def _line(key: str, value: Any) -> str:
    # JSON writes text, numbers and truth values as TOML does.
    return f"{key} = {msgspec.json.encode(value).decode()}"


def changed(recipe: Recipe, changes: Mapping[str, Any], where: str) -> Recipe:
    """The recipe with other values, given as its file would give them. Raises ConfigError, naming key and rule."""
    parts: dict[str, Any] = msgspec.to_builtins(recipe)
    for key, value in changes.items():
        parts[key] = {**parts.get(key, {}), **value} if isinstance(value, Mapping) else value
    return _converted(parts, Recipe, where)
