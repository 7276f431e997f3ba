"""The options by which commands take faces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Function = Callable[..., Any]


def data_options(function: Function) -> Function:
    """Adds --data, --votes and --crop."""
    for option in (
        click.option("--crop", is_flag=True, help="Let Mien's face detector find the face in a folder's pictures."),
        click.option(
            "--votes", type=click.Path(path_type=Path), metavar="FILE", help="FER+'s votes, fer2013new.csv."
        ),
        click.option(
            "--data",
            "data_path",
            type=click.Path(path_type=Path),
            required=True,
            metavar="PATH",
            help="fer2013.npz, fer2013.csv, or a folder with one folder of pictures an emotion.",
        ),
    ):
        function = option(function)
    return function
