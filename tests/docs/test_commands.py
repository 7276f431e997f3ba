"""Every command in the documents is run here, or named in docs/COMMANDS.md with the reason and checked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from clone import Clone
from parsing import WordsError, check
from shell import ROOT, Line, lines, tables

LINES = lines()
NOT_RUN, PROGRAMS = tables(ROOT / "docs/COMMANDS.md")
STATUSES = {"mien doctor": {0, 1}, "curl -N": {28}}
"""Other than 0: the doctor may find something here; a stream ends when we are tired of it."""


def entry_for(line: Line) -> str | None:
    """The entry of docs/COMMANDS.md by which a line is not run; --help is always run."""
    if line.shown.endswith("--help"):
        return None
    return next((start for start in NOT_RUN if (line.shown + " ").startswith((start, start + " "))), None)


RUN = [line for line in LINES if entry_for(line) is None]


def test_there_are_examples_of_all_three_programs_and_of_setup() -> None:
    started = {Path(words[0]).name for line in LINES for words in line.programs()}
    assert started >= {"mien", "mien-train", "mien-convert", "setup.sh", "curl"}
    assert len(RUN) >= 25


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.document}: {line.shown[:60]}")
def test_every_program_is_ours_and_takes_the_words_or_is_a_known_one(line: Line) -> None:
    for words in line.programs():
        assert check(words) or words[0] in PROGRAMS, f"{words[0]}: not in docs/COMMANDS.md"


@pytest.mark.parametrize(
    "wrong",
    [
        "mien run --sauce demo",
        "mien predict",
        "mien privacy perhaps",
        "mien run --set source.fps=0",
        "mien walk",
        "mien run twice",
        "./setup.sh run --frames 0",
        "./setup.sh install --lann",
        "./setup.sh test slow",
        "./setup.sh dance",
        "python tests/no_such_file.py",
        "converters/bundle.sh --no-such-option",
        "sudo mien models instal my.tflite",
        "mien history export | mien histroy",
    ],
)
def test_words_that_no_program_takes_are_found(wrong: str) -> None:
    *right, words = Line("", wrong).programs()
    for program in right:
        check(program)
    with pytest.raises((WordsError, ValueError)):
        check(words)


def test_a_line_is_taken_apart_at_joints_assignments_and_redirections() -> None:
    line = Line("", "A=1 B=2 mien history export > x.csv && sudo -u mien cat < y | head -n 1  # a remark")
    assert line.programs() == [["mien", "history", "export"], ["cat"], ["head", "-n", "1"]]
    assert line.shown.endswith("| head -n 1")


def test_every_entry_is_needed_and_says_why() -> None:
    used = {entry_for(line) for line in LINES}
    assert [start for start in NOT_RUN if start not in used] == []
    started = {words[0] for line in LINES for words in line.programs()}
    assert [program for program in PROGRAMS if program not in started] == []
    assert all(NOT_RUN.values())


@pytest.mark.parametrize("document", sorted({line.document for line in RUN}))
def test_the_commands_of_a_document_run(document: str, tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    try:
        for line in (one for one in RUN if one.document == document):
            clone.bring(line)
            done = clone.run(line.text)
            wanted = next((status for start, status in STATUSES.items() if start in line.shown), {0})
            assert done.returncode in wanted, f"{line.shown}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    finally:
        clone.close()


def test_json_lines_of_the_readme_are_what_the_program_prints() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r'^\{"type":"(\w+)"', readme, re.MULTILINE)
    assert set(shown) <= {"face_appeared", "emotion_changed", "face_left", "state"}
