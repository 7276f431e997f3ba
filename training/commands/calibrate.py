"""mien-train calibrate: an int8 file's scores made true."""

from __future__ import annotations

from pathlib import Path

import click

from edge.errors import ConfigError, MissingPackageError, ModelError, SinkError
from training.commands.options import data_options
from training.predictor import open_predictor
from training.readers import read_faces
from training.splits import split


@click.command("calibrate")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--int8", required=True, metavar="FILE", help="What mien-convert to-int8 made of MODEL.")
@data_options
@click.option(
    "--part", type=click.Choice(["training", "validation"]), default="training", show_default=True,
    help="Which part of the Training split the temperature is fitted on.",
)  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Where the calibrated model goes.")
@click.option("--same-as", metavar="FILE", help="Only check that FILE, converted again, answers as --int8 does.")
def command(
    *,
    model: Path,
    int8: str,
    data_path: Path,
    votes: Path | None,
    crop: bool,
    part: str,
    out: Path | None,
    same_as: str | None,
) -> None:
    """Divide MODEL's logits by the temperature that makes the scores of its int8 file true.

    Convert the result again; the answers stay, which --same-as proves.
    """
    if (out is None) == (same_as is None):
        raise ConfigError("calibrate: give either --out DIR or --same-as FILE")
    try:
        from training.quantize.calibrate import agreement, recalibrate
    except ImportError as error:
        raise MissingPackageError(f"{error}: ./setup.sh train, or pip install 'mien[train]'") from error
    predictor = open_predictor(int8)
    splits = split(read_faces(data_path, votes, crop=crop))
    if same_as is not None:
        found = agreement(predictor, open_predictor(same_as), splits.validation)
        if found.different:
            raise ModelError(f"{same_as}: {found.different} of {found.n} validation faces get another answer")
        click.echo(f"{same_as}: the same answer on all {found.n} validation faces")
        return
    assert out is not None
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(f"{out}: cannot be made: {error.strerror}") from error
    temperature = recalibrate(model, predictor, getattr(splits, part), out)
    click.echo(f"temperature {temperature:.3f}: saved in {out}; convert it again")
