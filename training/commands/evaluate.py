"""mien-train evaluate: a model measured on a split."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from training.commands.options import data_options, sample_options
from training.evaluate import as_table, as_text, evaluate
from training.predictor import open_predictor
from training.readers import read_faces


@click.command("evaluate")
@click.argument("model")
@data_options
@sample_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    model: str,
    data_path: Path,
    votes: Path | None,
    split_name: str,
    labels: str | None,
    *,
    crop: bool,
    as_json: bool,
) -> None:
    """Measure MODEL: a .keras or .tflite file, or a bundled model's name."""
    predictor = open_predictor(model)
    faces = read_faces(data_path, votes, crop=crop)
    result = evaluate(predictor, faces, split_name, labels)
    if as_json:
        content = msgspec.json.encode(as_table(result, Path(model).name))
        click.echo(msgspec.json.format(content, indent=2).decode())
    else:
        click.echo(as_text(result))
