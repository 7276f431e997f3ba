"""The command `mien`. Each subcommand is a file in edge/commands and is imported only when it is called."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import sys

import click

from edge import __version__
from edge.errors import MienError

COMMANDS = {
    "run": "Read the camera, publish emotions.",
    "predict": "Classify pictures, folders and clips.",
    "config": "Print or check the settings.",
    "models": "List the models that ship with Mien.",
    "doctor": "Say what is there, what is missing, and the cure.",
}


class Commands(click.Group):
    """Subcommands by name; help needs none of them imported."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"edge.commands.{name}").command
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mien")
@click.option("-v", "--verbose", is_flag=True, help="Say more on standard error.")
def cli(verbose: bool) -> None:  # noqa: FBT001  (click passes options by name)
    """A local emotion sensor: camera in, faces found, emotions classified, events out."""
    logging.basicConfig(
        format="mien: %(message)s", level=logging.DEBUG if verbose else logging.INFO, stream=sys.stderr
    )


def main() -> None:
    """Run the command; whatever a user can mend is one line on standard error and exit status 2."""
    try:
        status = cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        status = 130
    except BrokenPipeError:
        # The reader has gone (mien run | head): no fault, but Python would flush once more at exit and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except MienError as error:
        with contextlib.suppress(BrokenPipeError):
            click.echo(f"mien: {error}", err=True)
        status = 2
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
