"""What `mien`, `mien-train` and `mien-convert` share: subcommands by file, errors in one line."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from edge.errors import MienError

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTEXT = {"help_option_names": ["-h", "--help"]}


class Subcommands(click.Group):
    """A group whose subcommands are files of a package, imported only when they are called: help is quick.

    Each file has a click command named `command`; a dash in the subcommand's name is an underscore in the file's.
    """

    package: str
    summaries: dict[str, str]

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(self.summaries)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.summaries:
            return None
        module = importlib.import_module(f"{self.package}.{name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self.summaries.items()))


def subcommands(package: str, summaries: dict[str, str]) -> type[Subcommands]:
    """The group class for the files of a package; summaries: a line of help for each subcommand."""
    return type("Subcommands", (Subcommands,), {"package": package, "summaries": summaries})


@contextlib.contextmanager
def reader_may_leave() -> Iterator[None]:
    """Around what writes to standard output: the reader may go (... | head), which is no fault."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # What Python would flush once more at exit has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run(cli: click.Command, name: str) -> NoReturn:
    """Run a command and exit with its status; what a user can mend is one line on standard error and status 2."""
    try:
        status = cli(prog_name=name, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        status = 130
    except MienError as error:
        click.echo(f"{name}: {error}", err=True)
        status = error.status
    sys.exit(status if isinstance(status, int) else 0)
