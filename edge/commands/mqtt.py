"""`mien mqtt`: what the broker keeps of this device."""

from __future__ import annotations

from pathlib import Path

import click

from edge.commands.settings import config_options
from edge.commands.token import installed


@click.group("mqtt")
def command() -> None:
    """Clear what the broker keeps."""


@command.command()
@config_options
def forget(config_file: Path | None, changes: tuple[str, ...]) -> None:
    """Clear every retained message of this device: Home Assistant removes it. Stop the service first."""
    from edge.sinks.mqtt.forget import forget_device

    config = installed(config_file, changes)
    for topic in forget_device(config):
        click.echo(f"cleared {topic}")
