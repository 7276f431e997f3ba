"""An experiment: variations of one recipe that are compared, in one TOML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from edge.errors import ConfigError
from training.recipe import Recipe, changed, load_recipe, parse, read_toml, recipe_path


class Row(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One variation.

    name: of its folder. says: what is changed, for people. change: what its recipe has in place of the base's.
    after: the row whose trained network is rounded to int8's levels in place of a training of its own.
    tune_epochs: how long that learns with its rounding; 0 leaves it as it is.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    says: str
    change: dict[str, Any] = field(default_factory=dict)
    after: str | None = None
    tune_epochs: Annotated[int, Meta(ge=0, le=1000)] = 0


class Experiment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """base: a recipe's name or file. common: what every row has in place of it. rows: in the order of the table."""

    base: str
    common: dict[str, Any] = field(default_factory=dict)
    rows: Annotated[list[Row], Meta(min_length=1)]


def load_experiment(path: Path) -> Experiment:
    """The experiment in a file. Raises ConfigError, naming file, key and rule."""
    experiment = parse(read_toml(path), Experiment, str(path))
    names: list[str] = []
    for row in experiment.rows:
        if row.name in names:
            raise ConfigError(f"{path}: rows: {row.name}: stands there twice")
        if row.after is not None and (row.after not in names or row.change):
            raise ConfigError(f"{path}: rows: {row.name}: after must name a row above, and leaves no change")
        if row.after is None and row.tune_epochs:
            raise ConfigError(f"{path}: rows: {row.name}: tune_epochs needs after, the row to go on from")
        names.append(row.name)
    return experiment


def recipes_of(experiment: Experiment, path: Path, epochs: int | None = None) -> dict[str, Recipe]:
    """The recipe of every row by its name; of one that goes on from another, that one's.

    epochs: of every row, in place of the file's. Raises ConfigError, naming file, row and key.
    """
    base = changed(load_recipe(recipe_path(experiment.base)), experiment.common, f"{path}: common")
    if epochs is not None:
        base = changed(base, {"train": {"epochs": epochs}}, "--epochs")
    found: dict[str, Recipe] = {}
    for row in experiment.rows:
        if row.after is not None:
            found[row.name] = found[row.after]
            continue
        named = {"name": f"{path.stem}-{row.name}"[:64], "description": row.says}
        found[row.name] = changed(base, {**row.change, **named}, f"{path}: rows: {row.name}")
    return found
