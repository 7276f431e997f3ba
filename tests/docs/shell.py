"""Shell examples in the documents: every line, taken apart into the programs that it starts."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^(?P<indent> *)```sh\n(?P<lines>.*?)^ *```$", re.MULTILINE | re.DOTALL)
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
JOINTS = {"|", "&&", "||", ";", "&"}


def documents() -> list[Path]:
    """Every document a reader may meet."""
    found = [
        *ROOT.glob("*.md"),
        *(path for part in ("docs", "edge", "examples") for path in ROOT.glob(f"{part}/**/*.md")),
    ]
    return sorted(path for path in found if path.is_file())


class Line(NamedTuple):
    """A command line as it stands in a document (continuations joined). text: without its remark's spaces."""

    document: str
    text: str

    @property
    def shown(self) -> str:
        """Without the remark, spaces as they matter."""
        return re.sub(r"\s+# .*$", "", re.sub(r" +", " ", self.text)).strip()

    def programs(self) -> list[list[str]]:
        """The words of each program that it starts; assignments and redirections are taken off."""
        lexer = shlex.shlex(self.text, posix=True, punctuation_chars="|&;<>")
        lexer.whitespace_split = True
        found: list[list[str]] = [[]]
        skip = False
        for word in lexer:
            if skip:
                skip = False
            elif word in JOINTS:
                found.append([])
            elif set(word) <= set("<>&"):
                skip = True  # where it is redirected to
            elif found[-1] or not ASSIGNMENT.match(word):
                found[-1].append(word)
        return [without_sudo(words) for words in found if words]


def without_sudo(words: list[str]) -> list[str]:
    if words[0] != "sudo":
        return words
    return words[3:] if words[1] == "-u" else words[1:]


def lines() -> list[Line]:
    """All of them, in the order of the documents."""
    return [
        Line(str(document.relative_to(ROOT)), text.strip())
        for document in documents()
        for fence in FENCE.finditer(document.read_text(encoding="utf-8"))
        for text in fence["lines"].replace("\\\n", " ").splitlines()
        if text.strip() and not text.strip().startswith("#")
    ]


def tables(document: Path) -> list[dict[str, str]]:
    """For each table of a document: what its first column says in code, with what the second one says."""
    found: list[dict[str, str]] = []
    for block in re.findall(r"^\|.*?\n\|[-| ]+\n((?:\|.*\n)+)", document.read_text(encoding="utf-8"), re.MULTILINE):
        rows = [row.strip("| ").split(" | ", 1) for row in block.splitlines()]
        found.append({word: why for cell, why in rows for word in re.findall(r"`([^`]+)`", cell)})
    return found
