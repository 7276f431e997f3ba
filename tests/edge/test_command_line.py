"""What the three commands share: quick help, one line for what a user can mend, quiet ends of pipes."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from edge.command_line import run
from edge.errors import ConfigError, MissingPackageError, ModelError, SinkError, SourceError


@pytest.fixture(autouse=True)
def typed_without_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["mien"])


def status_of(function: object) -> int:
    command = click.command("x")(function)  # type: ignore[call-overload]
    with pytest.raises(SystemExit) as ended:
        run(command, "mien")
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize("error", [ConfigError, ModelError, SourceError, SinkError, MissingPackageError])
def test_what_a_user_can_mend_is_one_line_and_status_2(
    error: type[Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> None:
        raise error("the thing: must be right")

    assert status_of(fails) == 2
    assert capsys.readouterr() == ("", "mien: the thing: must be right\n")


def test_a_subcommands_status_is_the_commands_status() -> None:
    assert status_of(lambda: 1) == 1
    assert status_of(lambda: None) == 0


def test_an_interrupt_is_status_130_as_shells_have_it() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    assert status_of(interrupted) == 130


def test_a_fault_of_ours_is_not_hidden() -> None:
    def faulty() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(click.command("x")(faulty), "mien")


@pytest.mark.parametrize(
    ("module", "word"), [("edge.cli", "doctor"), ("training.cli", "evaluate"), ("converters.cli", "audit")]
)
def test_help_lists_the_subcommands_and_loads_nothing_heavy(module: str, word: str) -> None:
    script = (
        f"import sys\nfrom {module} import cli\ncli(['--help'], standalone_mode=False)\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert word in result.stdout
    assert not set(result.stderr.split()) & {"numpy", "cv2", "ai_edge_litert", "starlette", "tensorflow", "keras"}
