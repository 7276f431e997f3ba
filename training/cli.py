"""The command `mien-train`. Each subcommand is a file in training/commands, imported only when it is called."""

from __future__ import annotations

import importlib
import os
import sys

import click

from edge import __version__
from edge.errors import MienError

COMMANDS = {
    "fit": "Train a model by a recipe.",
    "evaluate": "Measure a model on a split.",
    "report": "Write a page that shows what a model can do.",
    "data": "Show what is in a data set.",
    "models": "List the networks, their parameters and multiply-adds.",
    "calibration-ids": "List the training faces that calibrate a quantized model.",
}


class Commands(click.Group):
    """Subcommands by name; help needs none of them imported."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"training.commands.{name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mien-train")
def cli() -> None:
    """Train emotion models and prove what they can."""
    # Keras reads these when it is first imported, which is in the subcommand.
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def main() -> None:
    """Run the command; whatever a user can mend is one line on standard error and exit status 2."""
    try:
        status = cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        status = 130
    except MienError as error:
        click.echo(f"mien-train: {error}", err=True)
        status = 2
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
