"""mien-train data: what is in a data set."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from edge.errors import SinkError
from training.commands.options import data_options
from training.dataset import Faces
from training.inspect import Inspection, as_text, conflicting, inspect
from training.plots import GRID_COLUMNS, as_png, class_balance, grid
from training.readers import read_faces

EACH = GRID_COLUMNS
SHOWN_COPIES = 4 * GRID_COLUMNS


@click.command("data")
@data_options
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Write pictures of it there.")
def command(data_path: Path, votes: Path | None, out: Path | None, *, crop: bool) -> None:
    """Print class balance, duplicates and conflicts; with --out also draw them."""
    faces = read_faces(data_path, votes, crop=crop)
    found = inspect(faces)
    click.echo(as_text(found))
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
            for name, content in pictures(faces, found).items():
                (out / name).write_bytes(content)
                click.echo(f"wrote {out / name}")
        except OSError as error:
            raise SinkError(f"{out}: cannot be written: {error.strerror}") from error


def pictures(faces: Faces, found: Inspection) -> dict[str, bytes]:
    """PNG files by name."""
    drawn = {"balance.png": as_png(class_balance(found.counts))}
    rng = np.random.default_rng(0)
    rows: list[int] = []
    for label in range(len(faces.labels)):
        of_label = np.flatnonzero(faces.emotions == label)
        rows += rng.permutation(of_label)[:EACH].tolist()
    drawn["samples.png"] = as_png(grid(faces.pixels[rows], [word(faces, row) for row in rows]))
    for name, groups in (("copies.png", copied(found)), ("conflicts.png", conflicting(faces, found.groups))):
        rows = [int(row) for group in groups for row in np.flatnonzero(found.groups == group)[:3]][:SHOWN_COPIES]
        if rows:
            drawn[name] = as_png(grid(faces.pixels[rows], [f"{word(faces, row)} {row}" for row in rows]))
    return drawn


def copied(found: Inspection) -> list[int]:
    names, counts = np.unique(found.groups, return_counts=True)
    return [int(name) for name in names[counts > 1]]


def word(faces: Faces, row: int) -> str:
    return faces.labels[faces.emotions[row]] if faces.emotions[row] >= 0 else "?"
