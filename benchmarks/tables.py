"""The tables of docs/BENCHMARKS.md, from what was measured and counted."""

# ruff: noqa: INP001  (no package: what page.py stands on)

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import arm

from converters.audit import audit
from converters.flatbuffer import read_graph
from edge.model.package import BUNDLED, unpack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.bench.result import Result

INSTRUCTIONS = Path(__file__).resolve().parents[1] / "tests" / "pi" / "instructions.json"
PROCESSORS = ("a53", "a72", "a76")


def results_part(found: Sequence[tuple[str, Result]]) -> str:
    """A line a run, and what was not by the rules."""
    if not found:
        return "None yet.\n"
    rows = []
    notes = []
    for name, result in found:
        machine, total = result.machine, result.end_to_end
        board = machine.processor if machine.board.startswith("no ") else machine.board
        stages = {stage: result.stages[stage].p50_ms for stage in ("detect", "classify") if stage in result.stages}
        mark = "*" if result.marks else ""
        rows.append(
            [
                f"[{name}](../benchmarks/results/{name}.json){mark}",
                *(board, machine.runtime, result.detector, result.model.name),
                *((number(total.p50_ms), number(total.p99_ms)) if total else ("", "")),
                *(number(stages[stage]) if stage in stages else "" for stage in ("detect", "classify")),
                "" if result.rss_bytes is None else f"{result.rss_bytes / 1e6:.0f}",
                "" if result.start_s is None else f"{result.start_s:.2f}",
            ]
        )
        notes += [f"- \\* {name}: {mark}" for mark in result.marks]
    heads = [
        "run",
        "processor",
        "runtime",
        "detector",
        "model",
        "p50 ms",
        "p99 ms",
        "detect",
        "classify",
        "MB",
        "start s",
    ]
    picture = "\n![Rounds and stages of every run](images/benchmarks.png)\n"
    return table(heads, rows) + ("\n" + "\n".join(notes) + "\n" if notes else "") + picture


def arm_part() -> str:
    """Instructions and estimated milliseconds of each step; and of the models, how far they are from the limit."""
    counted = json.loads(INSTRUCTIONS.read_text())
    steps, models = counted["steps"], counted["models"]
    heads = ["", *(f"{arm.CORES[core].board}, {core.upper()}, {arm.CORES[core].ghz:g} GHz" for core in PROCESSORS)]
    rows = [
        [f"`{name}`", *(estimated(figures[core], core) for core in PROCESSORS)] for name, figures in steps.items()
    ]
    sums = {core: sum(figures[core] for figures in steps.values()) for core in PROCESSORS}
    rows.append(["**a frame with one face**", *(estimated(sums[core], core) for core in PROCESSORS)])
    limits = []
    for name, figures in models.items():
        adds = model_multiply_adds(name)
        limits.append(
            [
                f"`{name}`",
                f"{adds / 1e6:.1f}",
                *(f"{arm.limit_ms(adds, core):.2f} / {gap(figures[core], adds, core)}" for core in PROCESSORS),
            ]
        )
    boards = [arm.CORES[core].board for core in PROCESSORS]
    second = table(["model", "M multiply-adds", *(f"limit ms / times it, {board}" for board in boards)], limits)
    picture = "\n![Estimated milliseconds a frame](images/benchmarks-arm.png)\n"
    return f"{table(heads, rows)}\n{second}{picture}"


def model_multiply_adds(name: str) -> int:
    """Of one invoke() of a bundled model."""
    path = BUNDLED / f"{name}.tflite"
    return audit(read_graph(unpack(path.read_bytes(), str(path))[0], str(path))).multiply_adds


def gap(instructions: int, multiply_adds: int, core: str) -> str:
    """How many times the limit the estimate is, least to most."""
    low, high = arm.estimate_ms(instructions, core)
    limit = arm.limit_ms(multiply_adds, core)
    return f"{low / limit:.1f} to {high / limit:.1f}"


def estimated(instructions: int, core: str) -> str:
    """'11.61 M, 9.7 to 23 ms'."""
    low, high = arm.estimate_ms(instructions, core)
    return f"{instructions / 1e6:.2f} M, {number(low)} to {number(high)} ms"


def checks_part() -> str:
    """Published figures against the same conversion."""
    rows = []
    for figure in arm.published():
        low, high = arm.range_of(figure)
        fewest, most = figure.instructions
        counted = f"{fewest:.1f}" if fewest == most else f"{fewest:.0f} to {most:.0f}"
        board = f"{arm.CORES[figure.core].board}, {figure.ghz:g} GHz"
        inside = "yes" if low <= figure.ms <= high else "no"
        rows.append(
            [
                figure.what,
                board,
                counted,
                f"{number(low)} to {number(high)}",
                number(figure.ms),
                inside,
                figure.source,
            ]
        )
    return table(
        ["what", "board", "M instructions", "range, 4 to 1 threads, ms", "published ms", "inside", "source"], rows
    )


def peers_part(found: Sequence[dict[str, Any]]) -> str:
    """Each comparison as a table."""
    parts = []
    for each in found:
        own = each["programs"]["mien"]
        rules = list(own["right"])
        rows = []
        for name, program in each["programs"].items():
            right = [f"{100 * program['right'][rule]['share']:.1f} %" for rule in rules]
            rows.append(
                [
                    *(f"`{name}`", number(program["ms"]), f"{program['ms'] / own['ms']:.1f}"),
                    *(number(program["cpu_ms"]), f"{program['cpu_ms'] / own['cpu_ms']:.1f}"),
                    *(f"{100 * program['found']:.0f} %", str(program["false_boxes"]), *right),
                    *(f"{program['start_s']:.2f}", f"{program['rss_bytes'] / 1e6:.0f}"),
                    f"{program['installed_bytes'] / 1e6:.0f}",
                ]
            )
        heads = [
            *("program", "median ms", "times Mien", "CPU ms", "times Mien", "faces found", "false boxes"),
            *(f"right ({rule})" for rule in rules),
            *("start s", "MB", "installed MB"),
        ]
        title = (
            f"{each['scene']}, {each['pictures']} pictures, detector `{each['detector']}`, "
            f"model `{each['model']}`, "
            f"{each['processor']}, {each['made_at'][:10]}:"
        )
        marks = "".join(f"\n- not by the rules: {mark}" for mark in each["marks"])
        parts.append(f"{title}\n\n{table(heads, rows)}{marks}{chr(10) if marks else ''}")
    return "\n".join(parts) or "None yet.\n"


def number(value: float) -> str:
    """Three digits that count."""
    return f"{value:.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
