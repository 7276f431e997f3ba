"""The command `mien-convert`. Each subcommand is a file in converters/commands, imported only when it is called."""

from __future__ import annotations

from typing import NoReturn

import click

from edge import __version__
from edge.command_line import CONTEXT, run, subcommands

COMMANDS = {
    "to-int8": "Turn a float model into an int8 TFLite file.",
    "audit": "Show what a TFLite file really holds.",
    "verify": "Compare a converted model with its source, on data.",
    "package": "Make a TFLite file a model file that proves itself.",
    "inspect": "Print what a model file says about itself.",
    "compare": "Set models side by side: size, cost, accuracy, speed.",
}


@click.command(cls=subcommands("converters.commands", COMMANDS), context_settings=CONTEXT)
@click.version_option(__version__, prog_name="mien-convert")
def cli() -> None:
    """Any sensible model in, a proven int8 package out."""


def main() -> NoReturn:
    """The entry point."""
    run(cli, "mien-convert")


if __name__ == "__main__":
    main()
