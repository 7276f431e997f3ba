#!/usr/bin/env python3
"""Writes the tables of docs/BENCHMARKS.md and its pictures from what is measured: benchmarks/page.py

benchmarks/results/*.json (mien bench --out), benchmarks/peers/*.json (tests/peers/measure.py --json),
tests/pi/instructions.json (tests/pi/count.py --bundled); and benchmarks/schema.json from the code.
`--check` writes nothing and ends with status 1 if the page or the schema is not what it would write.
"""

# ruff: noqa: T201  (a command, no package)

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import arm
from tables import INSTRUCTIONS, PROCESSORS, arm_part, checks_part, peers_part, results_part

from edge.bench.compare import Line, compare
from edge.bench.result import Result, read_result, schema_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PAGE = ROOT / "docs" / "BENCHMARKS.md"
IMAGES = ROOT / "docs" / "images"
PART_NAMES = ("results", "arm", "checks", "peers")


def results() -> list[tuple[str, Result]]:
    """Every run that was handed in, by the name of its file."""
    return [(path.stem, read_result(path)) for path in sorted((HERE / "results").glob("*.json"))]


def peers() -> list[dict[str, Any]]:
    """Every comparison with other programs."""
    return [json.loads(path.read_text()) for path in sorted((HERE / "peers").glob("*.json"))]


def page(text: str) -> str:
    """The page with every part made anew."""
    made = {
        "results": results_part(results()),
        "arm": arm_part(),
        "checks": checks_part(),
        "peers": peers_part(peers()),
    }
    for name in PART_NAMES:
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
        before, rest = text.split(begin)
        text = f"{before}{begin}\n{made[name]}\n{end}{rest.split(end)[1]}"
    return text


def draw_arm(figure: Figure) -> None:
    """A bar from the least to the most for each step and board."""
    from edge.commands.bench_plot import SHADES, calm, plain_numbers, short
    from edge.commands.history_plot import INK, QUIET

    steps = json.loads(INSTRUCTIONS.read_text())["steps"]
    names = [*steps, "a frame with one face"]
    figure.set_size_inches(10, 0.9 + 0.95 * len(names))
    axes = figure.subplots()
    for place, name in enumerate(names):
        for row, core in enumerate(PROCESSORS):
            count = steps[name][core] if name in steps else sum(each[core] for each in steps.values())
            low, high = arm.estimate_ms(count, core)
            at = place + 0.25 * (row - 1)
            label = f"{arm.CORES[core].board} ({core.upper()})" if place == 0 else None
            axes.barh(at, high - low, 0.2, low, color=SHADES[row], label=label)
            axes.text(high * 1.04, at, f"{short(low)} to {short(high)}", va="center", fontsize=8.5, color=INK)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xscale("log")
    plain_numbers(axes)
    left, right = axes.get_xlim()
    axes.set_xlim(0.8 * left, 1.9 * right)
    axes.set_title("estimated from counted instructions, one thread; no board was measured", loc="left", color=INK)
    axes.set_xlabel("milliseconds", color=QUIET)
    axes.legend(frameon=False, labelcolor=INK, loc="center left", bbox_to_anchor=(1.0, 0.5))
    calm(axes, "x")


def draw_all() -> None:
    """The pictures. Raises MissingPackageError without matplotlib."""
    from edge.commands.bench_plot import draw_comparison, write_picture

    write_picture(IMAGES / "benchmarks-arm.png", draw_arm)
    found = [(name, result) for name, result in results() if result.scene(result.headline) is not None]
    if found:
        lines: list[Line] = compare(found)
        write_picture(IMAGES / "benchmarks.png", lambda figure: draw_comparison(figure, lines))


def main(*words: str) -> int:
    made = {PAGE: page(PAGE.read_text()), HERE / "schema.json": schema_text()}
    if words == ("--check",):
        stale = [str(path.relative_to(ROOT)) for path, text in made.items() if path.read_text() != text]
        if stale:
            print(f"{', '.join(stale)}: out of date: benchmarks/page.py writes them anew", file=sys.stderr)
        return 1 if stale else 0
    if words:
        print(__doc__)
        return 2
    for path, text in made.items():
        path.write_text(text)
    draw_all()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
