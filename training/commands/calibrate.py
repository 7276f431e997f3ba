"""mien-train calibrate: an int8 file's scores made true."""

from __future__ import annotations

from pathlib import Path

import click

from edge.errors import ConfigError, MissingPackageError, ModelError, SinkError
from training.commands.options import data_options
from training.dataset import Faces
from training.predictor import open_predictor
from training.readers import read_faces
from training.splits import split

NO_TRUER = 3
"""The exit status: not 1, with which Python ends when something broke."""


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
@click.option("--truer", is_flag=True, help="End with status 3 unless --same-as FILE has the truer scores, too.")
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
    truer: bool,
) -> int:
    """Divide MODEL's logits by the temperature that makes the scores of its int8 file true.

    Convert the result again; the answers stay, which --same-as proves. Whose scores are truer is told by the
    calibration error on the validation tenth.
    """
    if (out is None) == (same_as is None):
        raise ConfigError("calibrate: give either --out DIR or --same-as FILE")
    if truer and same_as is None:
        raise ConfigError("--truer: compares two files: give --same-as FILE, too")
    try:
        from training.quantize.calibrate import recalibrate
    except ImportError as error:
        raise MissingPackageError(f"{error}: ./setup.sh train, or pip install 'mien[train]'") from error
    predictor = open_predictor(int8)
    faces = read_faces(data_path, votes, crop=crop)
    if same_as is not None:
        return _compare(int8, same_as, faces, truer=truer)
    assert out is not None
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(f"{out}: cannot be made: {error.strerror}") from error
    temperature = recalibrate(model, predictor, getattr(split(faces), part), out)
    click.echo(f"temperature {temperature:.3f}: saved in {out}; convert it again")
    return 0


def _compare(int8: str, again: str, faces: Faces, *, truer: bool) -> int:
    """Tell whether two files answer alike and whose scores are truer; gives the exit status."""
    from training.quantize.calibrate import agreement

    found = agreement(open_predictor(int8), open_predictor(again), faces)
    if found.different:
        told = f"{again}: {found.different} of {found.n} validation faces get another answer"
        if not truer:
            raise ModelError(told)
        click.echo(told)
        return NO_TRUER
    click.echo(f"{again}: the same answer on all {found.n} validation faces")
    before, after = found.calibration_errors
    limits = f"N = {found.labelled}, floor {found.calibration_floor:.4f}"
    verdict = "truer" if found.truer else "no truer"
    click.echo(f"{again}: calibration error {before:.4f} -> {after:.4f} ({limits}): {verdict}")
    return NO_TRUER if truer and not found.truer else 0
