"""What the documents say: links lead somewhere, commands and settings exist, examples are whole."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.config import parse_config

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("edge/**/*.md")])


def blocks(language: str) -> list[str]:
    """Every fenced block of a language, in all documents."""
    return [
        block
        for document in DOCUMENTS
        for block in re.findall(rf"^```{language}\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL)
    ]


def commands(*programs: str) -> list[list[str]]:
    """Lines of the shell examples that start one of these programs, as words; remarks and pipes are cut off."""
    lines = [
        shlex.split(line, comments=True)
        for block in blocks("sh")
        for line in block.replace("\\\n", " ").splitlines()
    ]
    found = [words for words in lines if words and words[0].rsplit("/", 1)[-1] in programs]
    return [words[: words.index("|")] if "|" in words else words for words in found]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_that_are_there(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text())
    missing = [target for target in targets if not (document.parent / target).exists()]
    assert missing == []


def test_the_examples_call_commands_and_options_that_exist() -> None:
    examples = commands("mien", "mien-train", "mien-convert")
    # setup.sh hands the rest of these lines over to a command.
    for words in commands("setup.sh"):
        assert len(words) > 1, words
        assert words[1] in {"run", "test", "train"}, words
        handed_over = {"run": ["mien", "run", *words[2:]], "train": ["mien-train", *words[2:]]}
        examples += [handed_over[words[1]]] if words[1] in handed_over else []
    assert {Path(words[0]).name for words in examples} >= {"mien", "mien-train"}
    for program, *arguments in examples:
        (entry,) = importlib.metadata.entry_points(group="console_scripts", name=Path(program).name)
        command = vars(importlib.import_module(entry.module))["cli"]
        result = CliRunner().invoke(command, [*arguments, "--help"])
        assert result.exit_code == 0, f"{program} {' '.join(arguments)}: {result.output}"


def test_the_readme_shows_the_two_commands() -> None:
    assert commands("setup.sh")[:2] == [["./setup.sh", "run"], ["./setup.sh", "test"]]


def test_help_in_setup_names_the_commands_of_the_readme() -> None:
    shown = subprocess.run([ROOT / "setup.sh"], capture_output=True, text=True, check=True).stdout
    for words in commands("setup.sh"):
        assert f"./setup.sh {words[1]}" in shown


def test_json_examples_are_json() -> None:
    for block in blocks("json"):
        for line in block.splitlines():
            json.loads(line)


def test_toml_examples_are_settings() -> None:
    for block in blocks("toml"):
        parse_config(tomllib.loads(block))
