"""`mien config`: write an example, or check a file."""

from __future__ import annotations

from pathlib import Path

import click

from edge.config import commented_example, load_config


@click.command("config")
@click.option("--print", "show", is_flag=True, help="Write a commented example with every default.")
@click.option("--check", "file", type=click.Path(path_type=Path), metavar="FILE", help="Check a file of settings.")
def command(show: bool, file: Path | None) -> None:  # noqa: FBT001  (click passes options by name)
    """Print or check the settings."""
    if show == (file is not None):
        raise click.UsageError("give one of --print and --check FILE")
    if file is None:
        click.echo(commented_example(), nl=False)
        return
    load_config(file)
    click.echo(f"{file}: ok")
