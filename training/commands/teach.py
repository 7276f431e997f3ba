"""mien-train teach: the scores that larger networks give the training faces."""

from __future__ import annotations

from pathlib import Path

import click

from training.commands.options import data_options
from training.dataset import Faces
from training.distil import teach, write_soft
from training.readers import read_faces
from training.recipe import Recipe, load_recipe, recipe_path
from training.splits import is_training, split


@click.command("teach")
@click.argument("models", nargs=-1, required=True)
@data_options
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The .npz to write.")
@click.option("--views", metavar="RECIPE", help="Judge the pictures that a training by this recipe sees instead.")
@click.option(
    "--epochs", type=click.IntRange(1, 1000), default=8, show_default=True, help="How many epochs of them."
)
def command(
    *,
    models: tuple[str, ...],
    data_path: Path,
    votes: Path | None,
    out: Path,
    views: str | None,
    epochs: int,
    crop: bool,
) -> None:
    """Write what MODELS say of the training split, for `fit --teacher`."""
    faces = read_faces(data_path, votes, crop=crop)
    if views is not None:
        _judge(list(models), load_recipe(recipe_path(views)), faces, epochs, out)
        return
    soft = teach(list(models), faces.take(is_training(faces)))
    write_soft(out, soft)
    click.echo(f"wrote {out}: {len(soft.pictures)} pictures, {' and '.join(soft.scores)}")


def _judge(models: list[str], recipe: Recipe, faces: Faces, epochs: int, out: Path) -> None:
    from training.views import judge, write_views

    training = split(faces, keep_duplicates=recipe.data.keep_duplicates).training
    found = judge(models, recipe, training.pixels, epochs, click.echo)
    write_views(out, found)
    click.echo(f"wrote {out}: {found.count} views of {len(training)} faces, {' and '.join(found.roots)}")
