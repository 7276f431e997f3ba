"""`mien feedback`: the faces whose label somebody corrected on the page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.commands.settings import config_options, settings

if TYPE_CHECKING:
    from edge.feedback import Store


@click.group("feedback")
def command() -> None:
    """List, export or delete the faces whose label was corrected."""


def kept(config_file: Path | None, changes: tuple[str, ...]) -> Store:
    from edge.feedback import open_store

    return open_store(settings(config_file, changes).feedback)


@command.command("list")
@config_options
def list_(config_file: Path | None, changes: tuple[str, ...]) -> None:
    """How many of each label there are."""
    store = kept(config_file, changes)
    for label, number in store.counts().items():
        click.echo(f"{number:6} {label}")
    click.echo(f"{sum(store.counts().values()):6} in {store.folder}")


@command.command()
@click.argument("out", type=click.Path(path_type=Path), metavar="FOLDER")
@config_options
def export(out: Path, config_file: Path | None, changes: tuple[str, ...]) -> None:
    """Copy them into a new folder, one folder a label, as training takes them."""
    number = kept(config_file, changes).export(out)
    click.echo(f"{number} faces in {out}")


@command.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_options
def delete(*, yes: bool, config_file: Path | None, changes: tuple[str, ...]) -> None:
    """Delete all of them."""
    store = kept(config_file, changes)
    number = sum(store.counts().values())
    if number and not yes:
        click.confirm(f"Delete {number} faces in {store.folder}?", abort=True)
    click.echo(f"{store.delete()} faces deleted")
