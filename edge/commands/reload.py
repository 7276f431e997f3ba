"""`mien reload`: the running service reads its settings again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from edge.commands.asking import ask_service, socket_option

if TYPE_CHECKING:
    from pathlib import Path


@click.command("reload")
@socket_option
def command(socket: Path | None) -> None:
    """Read the settings again without a restart; where they hold an error nothing changes."""
    click.echo(ask_service(socket, {"command": "reload"}))
