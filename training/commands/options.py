"""The options by which commands take faces, photos and detectors."""

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


def detector_options(function: Function) -> Function:
    """Adds DETECTORS, at least one, and --data, a folder of photos with known faces."""
    for option in (
        click.argument("detectors", nargs=-1, required=True, metavar="MODEL|yunet|haar..."),
        photos_option("--data", "data"),
    ):
        function = option(function)
    return function


def photos_option(flag: str, name: str, more: str = "") -> Callable[[Function], Function]:
    """A folder of photos with their boxes; `more` is said of it in the help."""
    return click.option(
        flag,
        name,
        type=click.Path(path_type=Path),
        required=True,
        metavar="DIR",
        help=f"A folder with boxes.csv (image,x,y,w,h[,invalid]) and its photos beside it or in img/{more}.",
    )


def width_option(function: Function) -> Function:
    """Adds --width, to which a detector brings what it sees."""
    return click.option(
        "--width",
        "width_px",
        type=click.IntRange(96, 1920),
        default=320,
        show_default=True,
        help="As detect.width_px.",
    )(function)
