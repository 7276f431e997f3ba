"""mien-train: data, models, training and what was reached."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from edge.errors import MienError


@click.group()
def cli() -> None:
    """Train emotion models and prove what they can."""


@cli.command()
@click.argument("recipe")
@click.option("--data", "data_path", type=click.Path(path_type=Path), required=True)
@click.option("--votes", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path))
@click.option("--resume", is_flag=True)
def fit(recipe: str, data_path: Path, votes: Path | None, out: Path | None, *, resume: bool) -> None:
    """Train by a RECIPE."""
    from training.commands.fit import run

    run(recipe, data_path, votes, out, resume=resume)


def main() -> None:
    """The command's entry: a mistake of the user's is one line and exit status 2."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        cli()
    except MienError as error:
        click.echo(f"mien-train: {error}", err=True)
        sys.exit(2)
