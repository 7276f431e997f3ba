"""mien-train folds: a recipe judged by cross-validation."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from edge.errors import ConfigError, MissingPackageError, SinkError
from training.commands.fit import keep_recipe
from training.commands.options import data_options
from training.readers import read_faces
from training.recipe import RECIPE_COPY, as_toml, changed, load_recipe, recipe_path
from training.whole import write_bytes


@click.command("folds")
@click.argument("recipe")
@data_options
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Where the folds go.")
@click.option("--folds", "count", type=click.IntRange(2, 100), default=5, show_default=True)
@click.option("--epochs", type=click.IntRange(1, 10_000), help="Of every fold [the recipe's].")
@click.option("--only", type=click.IntRange(1), metavar="K", help="Train this fold alone; another run the rest.")
def command(
    *,
    recipe: str,
    data_path: Path,
    votes: Path | None,
    crop: bool,
    out: Path,
    count: int,
    epochs: int | None,
    only: int | None,
) -> None:
    """Train RECIPE once a fold of the Training split, each time judged on the faces left out.

    Called again it goes on where it stopped. Every fold starts from nothing and learns from no teacher.
    """
    if only is not None and only > count:
        raise ConfigError(f"--only {only}: there are {count} folds")
    path = recipe_path(recipe)
    chosen = load_recipe(path)
    if epochs is not None:
        chosen = changed(chosen, {"train": {"epochs": epochs}}, "--epochs")
    try:
        from training.evaluate import as_table, as_text
        from training.folds import cross_validate
    except ImportError as error:
        raise MissingPackageError(f"{error}: ./setup.sh train, or pip install 'mien[train]'") from error
    faces = read_faces(data_path, votes, crop=crop)
    if epochs is None:
        keep_recipe(path, out / RECIPE_COPY)
    else:
        write_bytes(out / RECIPE_COPY, as_toml(chosen).encode())
    result = cross_validate(chosen, faces, out, count, only=only, tell=click.echo)
    if result is None:
        click.echo(f"{out}: other folds are missing")
        return
    content = msgspec.json.format(msgspec.json.encode(as_table(result, chosen.name)), indent=2)
    try:
        (out / "folds.json").write_bytes(content)
    except OSError as error:
        raise SinkError(f"{out}/folds.json: cannot be written: {error.strerror}") from error
    click.echo(as_text(result))
