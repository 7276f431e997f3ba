"""`mien mcp`: what an AI assistant starts to ask the running service."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from edge.commands.settings import config_options
from edge.commands.token import installed
from edge.errors import ConfigError


@click.command("mcp")
@click.option("--url", metavar="URL", help="Where the page is, if elsewhere than the settings say.")
@config_options
def command(*, url: str | None, config_file: Path | None, changes: tuple[str, ...]) -> None:
    """Answer an AI assistant over standard input and output (Model Context Protocol): counts and emotions alone.

    Where the page asks for a token, it is taken from the environment's MIEN_TOKEN.
    """
    config = installed(config_file, changes)
    if not config.assistants.enabled:
        raise ConfigError("assistants.enabled = false: no assistant is answered")
    from edge.assistants import Server, fetch

    base = url or f"http://127.0.0.1:{config.web.port}/"
    server = Server(fetch(base if base.endswith("/") else f"{base}/", os.environ.get("MIEN_TOKEN")))
    for line in sys.stdin:
        if line.strip() and (answer := server.answer(line)):
            sys.stdout.write(f"{answer}\n")
            sys.stdout.flush()
