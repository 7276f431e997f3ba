"""`mien privacy`: the switch that closes the camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from edge.commands.asking import ask_service, socket_option

if TYPE_CHECKING:
    from pathlib import Path


@click.command("privacy")
@click.argument("turn", type=click.Choice(["on", "off", "status"]), default="status")
@socket_option
def command(turn: str, socket: Path | None) -> None:
    """Close the camera of the running service, open it again, or say how the switch stands.

    "on" returns once the camera is closed. It stays closed across restarts.
    """
    request = {"command": "privacy"} if turn == "status" else {"command": "privacy", "on": turn == "on"}
    answer = ask_service(socket, request)
    holds = "on, the camera is closed" if answer["phase"] == "private" else "on" if answer["on"] else "off"
    click.echo(f"privacy is {holds} (by {answer['by']})")
