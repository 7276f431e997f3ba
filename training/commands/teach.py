"""mien-train teach: the scores that larger networks give the training faces."""

from __future__ import annotations

from pathlib import Path

import click

from training.commands.options import data_options
from training.distil import teach, write_soft
from training.readers import read_faces
from training.splits import is_training


@click.command("teach")
@click.argument("models", nargs=-1, required=True)
@data_options
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The .npz to write.")
def command(models: tuple[str, ...], data_path: Path, votes: Path | None, out: Path, *, crop: bool) -> None:
    """Write what MODELS say of the training split, for `fit --teacher`."""
    faces = read_faces(data_path, votes, crop=crop)
    soft = teach(list(models), faces.take(is_training(faces)))
    write_soft(out, soft)
    click.echo(f"wrote {out}: {len(soft.pictures)} pictures, {' and '.join(soft.scores)}")
