"""mien-train compare: what each part of a recipe buys."""

from __future__ import annotations

from pathlib import Path

import click
from msgspec.structs import replace

from edge.errors import ConfigError, MissingPackageError
from training.commands.options import data_options
from training.experiment import load_experiment, recipes_of
from training.readers import read_faces
from training.recipe import EXPERIMENTS, bundled_path


@click.command("compare")
@click.argument("experiment")
@data_options
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Where the rows go.")
@click.option(
    "--teacher",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Scores of `mien-train teach`, for a row's [distil].",
)
@click.option("--epochs", type=click.IntRange(1, 10_000), help="Of every row [the experiment's].")
@click.option("--only", multiple=True, metavar="ROW", help="Make this row alone; may be given again.")
def command(
    *,
    experiment: str,
    data_path: Path,
    votes: Path | None,
    crop: bool,
    out: Path,
    teacher: Path | None,
    epochs: int | None,
    only: tuple[str, ...],
) -> int:
    """Train the rows of EXPERIMENT, a bundled one's name or a TOML file, and write OUT/table.md.

    Called again it goes on where it stopped. Ends with status 1 if a row failed.
    """
    path = bundled_path(experiment, EXPERIMENTS, "experiment")
    chosen = load_experiment(path)
    recipes = recipes_of(chosen, path, epochs)
    if unknown := [name for name in only if name not in recipes]:
        raise ConfigError(f"--only {unknown[0]}: must be one of {', '.join(recipes)}")
    if only:
        rows = [row for row in chosen.rows if row.name in only]
        lonely = [row for row in rows if row.after is not None and row.after not in only]
        if lonely:
            raise ConfigError(f"--only {lonely[0].name}: goes on from {lonely[0].after}: name it, too")
        chosen = replace(chosen, rows=rows)
    try:
        from training.compare import TABLE, compare
        from training.distil import read_soft
    except ImportError as error:
        raise MissingPackageError(f"{error}: ./setup.sh train, or pip install 'mien[train]'") from error
    soft = None if teacher is None else read_soft(teacher)
    faces = read_faces(data_path, votes, crop=crop)
    used = {row.name: recipes[row.name] for row in chosen.rows}
    results = compare(chosen, used, faces, out, teacher=soft, tell=click.echo)
    click.echo((out / TABLE).read_text(encoding="utf-8"), nl=False)
    return int(any(result.failed for result in results.values()))
