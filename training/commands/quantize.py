"""mien-train quantize: a float model learns to live with int8."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from edge.errors import ConfigError, MissingPackageError
from training.commands.fit import keep_recipe
from training.commands.options import check_run, data_options, run_options
from training.readers import read_faces
from training.recipe import RECIPE_COPY, RECIPES, load_recipe, recipe_path
from training.splits import split


@click.command("quantize")
@click.argument("model", type=click.Path(path_type=Path))
@data_options
@click.option(
    "--recipe", metavar="RECIPE", help="MODEL's own [recipe.toml beside it, or the bundled one of its name]."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Where results go.")
@click.option("--epochs", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--lr", "learning_rate", type=click.FloatRange(0, 1, min_open=True), default=0.001, show_default=True,
    help="The highest learning rate; it falls as the recipe says.",
)  # fmt: skip
@click.option(
    "--parent-share", type=click.FloatRange(0, 1), default=0.5, show_default=True,
    help="The share of MODEL's own scores in what is learnt; the labels have the rest.",
)  # fmt: skip
@run_options
def command(
    *,
    model: Path,
    data_path: Path,
    votes: Path | None,
    crop: bool,
    recipe: str | None,
    out: Path,
    epochs: int,
    learning_rate: float,
    parent_share: float,
    resume: bool,
    overwrite: bool,
) -> None:
    """Tune MODEL, a .keras file, for a few epochs with int8's rounding in it.

    The result, OUT/saved_model, brings its own ranges: mien-convert to-int8 takes it without --calibration.
    """
    path = recipe_of(model) if recipe is None else recipe_path(recipe)
    try:
        from training.quantize.tune import SAVED_MODEL, Tuning, tune
        from training.run import CHECKPOINT
    except ImportError as error:
        raise MissingPackageError(f"{error}: ./setup.sh train, or pip install 'mien[train]'") from error
    check_run(out / CHECKPOINT, resume=resume, overwrite=overwrite)
    chosen = load_recipe(path)
    splits = split(read_faces(data_path, votes, crop=crop), keep_duplicates=chosen.data.keep_duplicates)
    if not resume:
        keep_recipe(path, out / RECIPE_COPY)
    how = Tuning(epochs=epochs, learning_rate=learning_rate, parent_share=parent_share)
    tune(model, chosen, splits, out, how, resume=resume, tell=click.echo, bar=sys.stdout.isatty())
    click.echo(f"saved {out / SAVED_MODEL}: mien-convert to-int8 {out / SAVED_MODEL} --out FILE")


def recipe_of(model: Path) -> Path:
    """The recipe that made a model. Raises ConfigError if neither folder nor name tells."""
    for path in (model.parent / RECIPE_COPY, RECIPES / f"{model.stem}.toml"):
        if path.is_file():
            return path
    raise ConfigError(
        f"{model}: neither {RECIPE_COPY} beside it nor a bundled recipe of its name: name one with --recipe"
    )
