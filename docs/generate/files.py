"""The longest files and functions, for whoever looks for something to split: `python -m docs.generate.files`.

docs/ARCHITECTURE.md says of each that is longer than these limits why it may stay; a test holds it to that.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("edge", "training", "converters", "deploy", "docs")
FILE_LINES, FUNCTION_LINES = 250, 50


def files() -> dict[str, int]:
    """Lines of every module that ships, by its path; tests are not looked at."""
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n") for path in _modules()}


def functions() -> dict[str, int]:
    """Lines of every function, by path:name."""
    found = {}
    for path in _modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                found[f"{path.relative_to(ROOT)}:{node.name}"] = lines
    return found


def _modules() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


if __name__ == "__main__":
    for lengths, limit in ((files(), FILE_LINES), (functions(), FUNCTION_LINES)):
        longest = sorted(lengths.items(), key=lambda item: -item[1])
        for name, lines in longest[: max(5, sum(number > limit for number in lengths.values()))]:
            sys.stdout.write(f"{lines:5d}{' ' if lines <= limit else '*'} {name}\n")
