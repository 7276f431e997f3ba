"""mien-train calibration-ids: the committed list of faces that calibrate a quantized model."""

from __future__ import annotations

from pathlib import Path

import click

from training.calibration import COUNT, SEED, as_file, calibration_rows
from training.commands.options import data_options
from training.readers import read_faces


@click.command("calibration-ids")
@data_options
@click.option("--count", default=COUNT, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=SEED, show_default=True)
def command(data_path: Path, votes: Path | None, count: int, seed: int, *, crop: bool) -> None:
    """Print row numbers of the training split, one a line."""
    faces = read_faces(data_path, votes, crop=crop)
    click.echo(as_file(calibration_rows(faces, count, seed), seed), nl=False)
