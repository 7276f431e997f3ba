"""What the command lines take: from click's own objects, and setup.sh's own help."""

from __future__ import annotations

import importlib
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import click

from docs.generate.tables import code, table

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = {"mien": "edge.cli", "mien-train": "training.cli", "mien-convert": "converters.cli"}


def setup_help() -> str:
    """What ./setup.sh prints without an argument."""
    printed = subprocess.run([ROOT / "setup.sh"], capture_output=True, text=True, check=True).stdout
    return f"```text\n{printed.strip()}\n```"


def reference(program: str) -> str:
    """One section a subcommand, those of groups too."""
    command: click.Command = importlib.import_module(PROGRAMS[program]).cli
    return "\n\n".join(_section(context) for context in _leaves(click.Context(command, info_name=program)))


def _leaves(context: click.Context) -> Iterator[click.Context]:
    command = context.command
    if not isinstance(command, click.Group):
        yield context
        return
    if command.invoke_without_command:
        yield context
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        if child is not None:
            yield from _leaves(click.Context(child, info_name=name, parent=context))


def _section(context: click.Context) -> str:
    command = context.command
    words = " ".join((command.help or "").replace("\b", "").split())
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    rows = [
        (code(", ".join([*one.opts, *one.secondary_opts])), _takes(one, context), one.help or "")
        for one in command.params
        if isinstance(one, click.Option) and not one.hidden
    ]
    parts = [f"## {context.command_path}", words, f"```text\n{usage}\n```"]
    if rows:
        parts.append(table(("Option", "Takes", "Does"), rows))
    return "\n\n".join(part for part in parts if part)


def _takes(option: click.Option, context: click.Context) -> str:
    if option.is_flag:
        return ""
    words = code(option.make_metavar(context))
    if option.required:
        words += ", required"
    if option.multiple:
        words += ", may be repeated"
    default = option.get_default(context)
    if isinstance(default, str | int | float | Path):
        words += f"; {code(default)} unless told"
    return words
