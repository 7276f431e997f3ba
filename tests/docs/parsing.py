"""Whether our own programs would take the words of an example, without running anything."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import io
from pathlib import Path

import click
from shell import ROOT

from deploy.__main__ import parser as deploy_parser
from edge.commands.settings import settings

OURS = ("mien", "mien-train", "mien-convert")
KINDS = {"fast", "system", "pi", "soak", "all", "bookworm", "trixie"}


class WordsError(Exception):
    """What a program would not take, and why."""


def check(words: list[str]) -> bool:
    """Whether the program is ours; raises WordsError if it is and would not take the words."""
    name = Path(words[0]).name
    if name in OURS:
        check_click(name, words[1:])
    elif name == "setup.sh" and words[0] != "tests/pi/setup.sh":
        check_setup(words[1:])
    elif name in {"python", "python3"}:
        check_python(words[1:])
    elif words[0].startswith("/opt/mien/"):
        pass  # what `install` writes there; tests/deploy start it
    elif "/" in words[0] and (ROOT / words[0]).is_file():
        check_script(ROOT / words[0], words[1:])
    else:
        return False
    return True


def check_click(name: str, arguments: list[str]) -> None:
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name=name)
    command: click.Command = importlib.import_module(entry.module).cli
    context = click.Context(command, info_name=name)
    try:
        while isinstance(command, click.Group):
            _, rest, _ = command.make_parser(context).parse_args(list(arguments))
            if not rest:
                return
            child = command.get_command(context, rest[0])
            if child is None:
                raise WordsError(f"{context.command_path}: no command {rest[0]!r}")
            command, arguments = child, rest[1:]
            context = click.Context(command, info_name=child.name, parent=context)
        check_leaf(context, arguments)
    except click.UsageError as error:
        raise WordsError(f"{context.command_path}: {error.format_message()}") from error


def check_leaf(context: click.Context, arguments: list[str]) -> None:
    """Files need not be there; everything else must be as it would have to be. Raises click.UsageError."""
    given, left, _ = context.command.make_parser(context).parse_args(list(arguments))
    if "help" in given or "--help" in arguments:
        return
    if left:
        raise WordsError(f"{context.command_path}: too many words: {' '.join(left)}")
    for one in context.command.params:
        missing = one.name not in given or one.value_is_missing(value := given[one.name])
        if missing and one.required:
            raise WordsError(f"{context.command_path}: {one.name} is missing")
        if not missing and not isinstance(one.type, click.Path | click.File):
            one.type_cast_value(context, value)
    if given.get("changes"):
        settings(None, given["changes"])


def check_setup(arguments: list[str]) -> None:
    command, *rest = arguments or ["help"]
    if command in {"run", "train"}:
        check_click("mien" if command == "run" else "mien-train", [*(["run"] if command == "run" else []), *rest])
    elif command == "test":
        if unknown := [word for word in rest if word.isalpha() and word not in KINDS]:
            raise WordsError(f"setup.sh test: no kind {unknown}")
    elif command in {"docs", "release"}:
        if len(rest) > 1:
            raise WordsError(f"setup.sh {command}: one folder at most")
    elif command != "help":
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            try:
                deploy_parser().parse_args(arguments)
            except SystemExit as error:
                raise WordsError(said.getvalue().strip()) from error


def check_python(arguments: list[str]) -> None:
    """A module or file that is there; the options of a file of ours stand in it."""
    if arguments[:1] == ["-m"]:
        if arguments[1] in {"pytest", "venv"}:
            return
        try:
            importlib.import_module(arguments[1])
        except ImportError as error:
            raise WordsError(f"python -m {arguments[1]}: {error}") from error
    elif arguments and not arguments[0].startswith("-"):
        path = ROOT / arguments[0]
        if not path.is_file():
            raise WordsError(f"{arguments[0]}: no such file")
        check_script(path, arguments[1:])


def check_script(path: Path, arguments: list[str]) -> None:
    text = path.read_text(encoding="utf-8")
    for word in arguments:
        if word.startswith("--") and word.partition("=")[0] not in text:
            raise WordsError(f"{path.relative_to(ROOT)}: knows no {word}")
