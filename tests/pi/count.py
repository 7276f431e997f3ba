#!/usr/bin/env python3
"""Executed aarch64 instructions of one invoke() of a model, on the processor of every Pi.

tests/pi/count.py MODEL.tflite...         a table
tests/pi/count.py --json MODEL.tflite...  one JSON object
tests/pi/count.py --bundled               every model that ships and the steps of the pipeline;
                                          writes tests/pi/instructions.json, which the tests hold them to,
                                          and the table in docs/PI.md
"""

# ruff: noqa: T201  (a command prints)

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from emulated import PROCESSORS, PROJECT, EmulationError, count, lacking_to_count

Figures = dict[str, dict[str, dict[str, int]]]
"""Executed instructions by kind ("models", "steps"), name and processor."""

FIGURES = Path(__file__).with_name("instructions.json")
DOCUMENT = PROJECT / "docs" / "PI.md"
BEGIN, END = "<!-- figures -->\n", "<!-- /figures -->\n"
ASSETS = PROJECT / "edge" / "assets"
STEPS = ("detect", "classify")


def bundled() -> dict[str, Path]:
    """The models that ship, by name."""
    return {path.stem: path for path in sorted(ASSETS.glob("*.tflite"))}


def everywhere(script: str, *arguments: str, runs: int) -> dict[str, int]:
    """Executed instructions by processor. Raises EmulationError."""
    return {processor: count(processor, script, *arguments, runs=runs).instructions for processor in PROCESSORS}


def table(found: Figures) -> str:
    """The figures in Markdown, in millions."""
    lines = ["| | A53 | A72 | A76 |", "|---|---|---|---|"]
    for kind, measured in found.items():
        for name, figures in measured.items():
            cells = " | ".join(f"{figures[processor] / 1e6:.2f}" for processor in PROCESSORS)
            lines.append(f"| {kind.removesuffix('s')} `{name}` | {cells} |")
    return "\n".join(lines) + "\n"


def document(text: str, found: Figures) -> str:
    """docs/PI.md with the figures in their place."""
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}{table(found)}{END}{after}"


def measure(models: dict[str, Path], steps: Sequence[str], runs: int) -> Iterator[tuple[str, str, dict[str, int]]]:
    """(kind, name, figures) of each, as they come. Raises EmulationError."""
    for name, path in models.items():
        yield "models", name, everywhere("invoke.py", str(path.resolve()), runs=runs)
    for name in steps:
        yield "steps", name, everywhere("steps.py", name, runs=runs)


def parse() -> argparse.Namespace:
    """What the command line asks for; exits with status 2 and one line where that cannot be had."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL.tflite")
    parser.add_argument("--runs", type=int, default=3, help="runs to take the median of (3)")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--json", action="store_true", help="print JSON instead of a table")
    either.add_argument("--bundled", action="store_true", help="count what ships and write instructions.json")
    given = parser.parse_args()
    given.models = bundled() if given.bundled else {str(path): path for path in given.models}
    if not given.models or given.runs < 1:
        parser.error("name a model, or --bundled; --runs must be at least 1")
    missing = [str(path) for path in given.models.values() if not path.is_file()]
    if missing:
        parser.error(f"{missing[0]}: no such file")
    reason = lacking_to_count()
    if reason:
        parser.error(reason)
    return given


def main() -> int:
    given = parse()
    found: Figures = {"models": {}, "steps": {}}
    try:
        for kind, name, figures in measure(given.models, STEPS if given.bundled else (), given.runs):
            found[kind][name] = figures
            if not given.json:
                columns = "  ".join(f"{processor} {n / 1e6:7.2f} M" for processor, n in figures.items())
                print(f"{columns}  {name}", flush=True)
    except EmulationError as error:
        print(f"count.py: {error}", file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps({name: {"instructions": figures} for name, figures in found["models"].items()}, indent=2))
    if given.bundled:
        FIGURES.write_text(json.dumps(found, indent=2) + "\n")
        DOCUMENT.write_text(document(DOCUMENT.read_text(), found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
