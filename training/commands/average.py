"""mien-train average: one model from several that were trained alike."""

from __future__ import annotations

from pathlib import Path

import click

from edge.errors import MissingPackageError


@click.command("average")
@click.argument("models", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="MODEL.keras...")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The .keras to write.")
def command(models: tuple[Path, ...], out: Path) -> None:
    """Write the mean of the weights of MODELS, trained from one start with other seeds.

    It costs nothing on the device, and errs less than most of them.
    """
    try:
        from training.run import save_model
        from training.weights import mean_of
    except ImportError as error:
        raise MissingPackageError(f"{error}: ./setup.sh train, or pip install 'mien[train]'") from error
    save_model(mean_of(models), out)
    click.echo(f"wrote {out}: the mean of {len(models)} models")
