"""`mien token`: what lets the local network see the page."""

from __future__ import annotations

from pathlib import Path

import click

from edge.commands.settings import config_options, settings
from edge.config import Config


@click.group("token")
def command() -> None:
    """Make the token that lets the local network in."""


@command.command()
@config_options
def new(config_file: Path | None, changes: tuple[str, ...]) -> None:
    """Make a new token and print it once: only its hash is kept. The old one and every open page lose their right.

    A running service notices by itself.
    """
    from edge.sinks.web.names import is_loopback
    from edge.sinks.web.server import url_of
    from edge.sinks.web.token import new_token, token_path

    web = installed(config_file, changes).web
    path = token_path(web)
    token = new_token(path)
    click.echo(token)
    if is_loopback(web.bind):
        click.echo(f'The page is for this machine alone: set web.bind, e.g. to "0.0.0.0". ({path})', err=True)
    else:
        click.echo(f"{url_of(web.bind, web.port)}#{token}", err=True)
        click.echo("Plain HTTP: who can listen on your network can read it. docs/WEB.md says what to do.", err=True)


def installed(config_file: Path | None, changes: tuple[str, ...]) -> Config:
    """The settings given, else those of the installed service, where there is one."""
    system = Path("/etc/mien/mien.toml")
    if config_file is None and system.is_file():
        config_file = system
    return settings(config_file, changes)
