"""mien-train fit: from a recipe to a float model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click
import numpy as np
from msgspec.structs import replace

from edge.errors import ConfigError, MissingPackageError, SinkError
from training.commands.options import check_run, data_options, run_options
from training.dataset import Faces, join
from training.readers import read_faces
from training.recipe import RECIPE_COPY, STARTS, Recipe, Weights, load_recipe, recipe_path
from training.splits import TRAINING_NAMES, is_training, split, taught

if TYPE_CHECKING:
    from training.distribute import Worker


@click.command("fit")
@click.argument("recipe")
@data_options
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Where results go [runs/NAME].")
@click.option("--extra", type=click.Path(path_type=Path), metavar="DIR", help="More faces to train on, in folders.")
@click.option(
    "--start",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="A .keras model whose weights to start from; may be given again.",
)
@click.option(
    "--teacher",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Scores to learn from, of `mien-train teach`.",
)
@click.option(
    "--weights", type=click.Choice(get_args(Weights)), help="What a transfer network starts from [the recipe's]."
)
@click.option("--seed", type=click.IntRange(0), help="Of everything drawn at random [the recipe's].")
@click.option(
    "--distribute",
    metavar="HOST:PORT",
    help="Train together with other workers, on JAX; the address is the first one's.",
)
@click.option("--worker", "place", default="1/1", metavar="K/N", help="Which one of how many this is.")
@click.option("--tensorboard", is_flag=True, help="Write OUT/tensorboard, too.")
@run_options
def command(
    *,
    recipe: str,
    data_path: Path,
    votes: Path | None,
    out: Path | None,
    extra: Path | None,
    start: tuple[Path, ...],
    teacher: Path | None,
    crop: bool,
    weights: Weights | None,
    seed: int | None,
    distribute: str | None,
    place: str,
    tensorboard: bool,
    resume: bool,
    overwrite: bool,
) -> None:
    """Train by RECIPE, a bundled recipe's name or a TOML file."""
    path = recipe_path(recipe)
    chosen = load_recipe(path) if weights is None else with_weights(load_recipe(path), weights)
    if seed is not None:
        chosen = replace(chosen, train=replace(chosen.train, seed=seed))
    folder = out or Path("runs") / chosen.name
    try:
        from training.distribute import ALONE, join, worker_of
        from training.run import CHECKPOINT, HISTORY, MODEL
    except ImportError as error:
        raise MissingPackageError(f"{error}: ./setup.sh train, or pip install 'mien[train]'") from error
    check_run(folder / CHECKPOINT, resume=resume, overwrite=overwrite)
    worker = ALONE
    if distribute is not None:
        worker = worker_of(distribute, place, chosen.train.batch_size)
        join(worker, distribute, chosen.train.seed)
    faces = read_faces(data_path, votes, crop=crop)
    if extra is not None:
        faces = add_extra(faces, read_faces(extra, crop=crop))
    if not resume and worker.number == 0:
        # What an earlier run left would pass for this one's until the first epoch is done.
        for name in (CHECKPOINT, HISTORY, MODEL):
            (folder / name).unlink(missing_ok=True)
        given = {"weights": weights, "seed": seed}
        note = "".join(f"# fit --{name} {value}\n" for name, value in given.items() if value is not None)
        keep_recipe(path, folder / RECIPE_COPY, note)
    _train(chosen, faces, folder, start, teacher, worker=worker, resume=resume, tensorboard=tensorboard)


def _train(
    recipe: Recipe,
    faces: Faces,
    folder: Path,
    start: tuple[Path, ...],
    teacher: Path | None,
    *,
    worker: Worker,
    resume: bool,
    tensorboard: bool,
) -> None:
    from training.distil import read_soft
    from training.fit import fit
    from training.models import build_model, multiply_adds
    from training.run import MODEL

    soft = None if teacher is None else read_soft(teacher)
    splits = split(faces, keep_duplicates=recipe.data.keep_duplicates)
    if faces.votes is None:
        splits = taught(splits, recipe.heads())
    click.echo(f"{len(splits.training)} training faces, {len(splits.validation)} validation faces")
    for reason, count in {**faces.skipped, **splits.dropped}.items():
        click.echo(f"  left out: {count} {reason}")
    model = build_model(recipe.model, recipe.heads())
    cost = f"{model.count_params():,} parameters, {multiply_adds(model) / 1e6:.1f} M multiply-adds"
    click.echo(f"{model.name}: {cost}")
    fit(
        recipe,
        splits,
        folder,
        resume=resume,
        start=start,
        teacher=soft,
        tell=click.echo,
        bar=sys.stdout.isatty(),
        tensorboard=tensorboard,
        worker=worker,
    )
    click.echo(f"saved {folder / MODEL}")


def add_extra(faces: Faces, extra: Faces) -> Faces:
    """The faces and the training split of the extra ones, under the name that the first call theirs."""
    own = faces.splits[is_training(faces)]
    name = str(own[0]) if len(own) else TRAINING_NAMES[0]
    more = extra.take(is_training(extra))
    marks = np.full(len(more), name)
    return join(faces, Faces(more.pixels, more.emotions, more.labels, marks, more.names, more.votes, more.skipped))


def with_weights(recipe: Recipe, weights: Weights) -> Recipe:
    """The recipe for a transfer network that starts from others. Raises ConfigError if it is of another family."""
    family = recipe.model.family
    if family not in STARTS:
        raise ConfigError(f"--weights {weights}: is for transfer networks, and {recipe.name} is {family}")
    if weights not in STARTS[family]:
        raise ConfigError(f"--weights {weights}: must be one of {', '.join(STARTS[family])} for {family}")
    return replace(recipe, model=replace(recipe.model, weights=weights))


def keep_recipe(recipe: Path, copy: Path, note: str = "") -> None:
    """The recipe beside its result, below a note. Raises SinkError if the folder cannot be written."""
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        if copy.resolve() != recipe.resolve():
            copy.write_bytes(note.encode() + recipe.read_bytes())
    except OSError as error:
        raise SinkError(f"{copy.parent}: cannot be written: {error.strerror}") from error
