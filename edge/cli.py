"""The command `mien`. Each subcommand is a file in edge/commands and is imported only when it is called."""

from __future__ import annotations

import logging
import sys
from typing import NoReturn

import click

from edge import __version__
from edge.command_line import CONTEXT, run, subcommands

COMMANDS = {
    "run": "Read the camera, publish emotions.",
    "status": "Say what the running service is doing.",
    "privacy": "Close the camera: on, off or status.",
    "reload": "Read the settings again without a restart.",
    "use": "Classify with another model without a restart.",
    "predict": "Classify pictures, folders and clips.",
    "history": "Export what was recorded, draw a day.",
    "config": "Print or check the settings.",
    "mqtt": "Clear what the broker keeps of this device.",
    "token": "Make the token that lets the local network in.",
    "feedback": "List, export or delete corrected faces.",
    "mcp": "Answer an AI assistant: counts and emotions, never pictures.",
    "models": "List the models; bring others and put them to use.",
    "doctor": "Say what is there, what is missing, and the cure.",
    "bench": "Measure how long each stage takes here; compare results.",
}


@click.command(cls=subcommands("edge.commands", COMMANDS), context_settings=CONTEXT)
@click.version_option(__version__, prog_name="mien")
@click.option("-v", "--verbose", is_flag=True, help="Say more on standard error.")
def cli(verbose: bool) -> None:  # noqa: FBT001  (click passes options by name)
    """A local emotion sensor: camera in, faces found, emotions classified, events out."""
    logging.basicConfig(
        format="mien: %(message)s", level=logging.DEBUG if verbose else logging.INFO, stream=sys.stderr
    )


def main() -> NoReturn:
    """The entry point."""
    run(cli, "mien")


if __name__ == "__main__":
    main()
