"""`mien use`: another emotion model for the running service."""

from __future__ import annotations

from pathlib import Path

import click

from edge.commands.asking import ask_service, socket_option


@click.command("use")
@click.argument("model")
@socket_option
def command(model: str, socket: Path | None) -> None:
    """Classify with MODEL from the next frame on, until the next start: a bundled model's name or a file.

    A model that does not prove itself is refused. classify.model in the settings makes the change last.
    """
    name = str(Path(model).resolve()) if Path(model).is_file() else model
    click.echo(ask_service(socket, {"command": "model", "name": name}))
