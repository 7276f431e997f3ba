"""`mien run`: the service in the foreground."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from edge.command_line import reader_may_leave
from edge.commands.settings import config_options, model_option, settings

if TYPE_CHECKING:
    from pathlib import Path

    from edge.config import Config


@click.command("run")
@config_options
@click.option("--source", metavar="KIND|FILE|DIR", help="Where frames come from: auto, demo, v4l2, a clip ...")
@model_option
@click.option("--frames", type=click.IntRange(1), help="Stop after this many frames.")
def command(
    *,
    config_file: Path | None,
    changes: tuple[str, ...],
    source: str | None,
    model: str | None,
    frames: int | None,
) -> None:
    """Read the camera, print one JSON event a line, serve the local page."""

    def reread() -> Config:
        return settings(config_file, changes, source=source, model=model)

    config = reread()
    from edge import service

    with reader_may_leave():
        service.run(config, frames=frames, reread=reread)
