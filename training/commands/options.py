"""The options by which commands take faces, photos and detectors, and go on with a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from edge.errors import ConfigError

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
        click.argument("detectors", nargs=-1, required=True, metavar="MODEL|luma|yunet|haar..."),
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


def sample_options(function: Function) -> Function:
    """Adds --split and --labels: on which faces a model is judged, and by what."""
    for option in (
        click.option(
            "--labels", type=click.Choice(["fer2013", "ferplus"]), help="What is right [by the model's labels]."
        ),
        click.option(
            "--split", "split_name", required=True, metavar="NAME", help="As the data call it, or: validation."
        ),
    ):
        function = option(function)
    return function


def detector_data_options(function: Function) -> Function:
    """Adds --photos and --fer, from which a detector learns."""
    for option in (
        click.option(
            "--fer", type=click.Path(path_type=Path), required=True, metavar="PATH", help="FER-2013's faces."
        ),
        click.option(
            "--photos",
            type=click.Path(path_type=Path),
            required=True,
            metavar="DIR",
            help="A folder of sets, each a folder with boxes.csv and its photos.",
        ),
    ):
        function = option(function)
    return function


def run_options(function: Function) -> Function:
    """Adds --resume and --overwrite, for what is there already."""
    for option in (
        click.option("--overwrite", is_flag=True, help="Replace the run in --out."),
        click.option("--resume", is_flag=True, help="Go on with the run in --out."),
    ):
        function = option(function)
    return function


def check_run(checkpoint: Path, *, resume: bool, overwrite: bool) -> None:
    """Raises ConfigError where a run would be lost that nobody said to replace."""
    if checkpoint.exists() and not (resume or overwrite):
        raise ConfigError(f"{checkpoint.parent}: holds a run: --resume goes on with it, --overwrite replaces it")
