"""mien-train fit: from a recipe to a float model."""

from __future__ import annotations

from pathlib import Path

import click

from edge.errors import SinkError
from training.fit import RECIPE, fit, heads_of
from training.models import build_model, multiply_adds
from training.readers import read_faces
from training.recipe import load_recipe, recipe_path
from training.splits import split


def run(name: str, data_path: Path, votes: Path | None, out: Path | None, *, resume: bool) -> None:
    """Train, telling what is done; the result stands in `out`, runs/RECIPE if none is named."""
    path = recipe_path(name)
    recipe = load_recipe(path)
    folder = out or Path("runs") / recipe.name
    faces = read_faces(data_path, votes)
    splits = split(faces, keep_duplicates=recipe.data.keep_duplicates)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RECIPE).write_bytes(path.read_bytes())
    except OSError as error:
        raise SinkError(f"{folder}: cannot be written: {error.strerror}") from error
    model = build_model(recipe.model, heads_of(recipe))
    click.echo(f"{len(splits.training)} training faces, {len(splits.validation)} validation faces")
    for reason, count in {**faces.skipped, **splits.dropped}.items():
        click.echo(f"  left out: {count} {reason}")
    click.echo(
        f"{model.name}: {model.count_params():,} parameters, {multiply_adds(model) / 1e6:.1f} M multiply-adds"
    )
    fit(recipe, splits, folder, resume=resume, tell=click.echo)
    click.echo(f"saved {folder / 'model.keras'}")
