"""Runs beside each other, and whether they differ by more than chance.

A difference is called one where the medians of the rounds do not overlap: of five rounds against five that happens
by chance once in 126 times (two ways out of 10! / (5! 5!)), if the machine stayed as it was between the runs.
"""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from edge.bench.table import grid
from edge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.bench.result import Result, SceneResult

CHANCE_MAX = 0.05
"""Fewer rounds cannot tell a difference from chance."""

Verdict = Literal["reference", "faster", "slower", "within noise", "too few rounds", "not comparable"]


class Line(Struct, frozen=True):
    """One run against the first. ratio: its median time over the first one's; None where a run was marked."""

    name: str
    result: Result
    scene: SceneResult
    ratio: float
    verdict: Verdict


def compare(named: Sequence[tuple[str, Result]], scene: str = "") -> list[Line]:
    """Each against the first, on one scene all have: the headline, else the one named. Raises ConfigError."""
    wanted = scene or named[0][1].headline
    found = []
    for name, result in named:
        measured = result.scene(wanted)
        if measured is None:
            there = ", ".join(each.name for each in result.scenes) or "none"
            raise ConfigError(f"{name}: scene {wanted} was not measured (there are: {there})")
        found.append((name, result, measured))
    _, first, reference = found[0]
    lines = []
    for number, (name, result, measured) in enumerate(found):
        ratio = measured.end_to_end.p50_ms / max(reference.end_to_end.p50_ms, 1e-9)
        verdict: Verdict = "reference" if number == 0 else judge(first, result, reference, measured)
        lines.append(Line(name, result, measured, ratio, verdict))
    return lines


def judge(first: Result, other: Result, before: SceneResult, now: SceneResult) -> Verdict:
    """Whether the second run is faster than the first, by the medians of the rounds end to end."""
    if not comparable(first) or not comparable(other):
        return "not comparable"
    a, b = before.rounds_p50_ms, now.rounds_p50_ms
    if 2 / comb(len(a) + len(b), len(a)) > CHANCE_MAX:
        return "too few rounds"
    if max(b) < min(a):
        return "faster"
    return "slower" if min(b) > max(a) else "within noise"


def comparable(result: Result) -> bool:
    """Whether the machine was quiet and cool: a shorter run is less sure, but not wrong."""
    return not any(mark.startswith(("busy", "throttled", "others ran")) for mark in result.marks)


def as_text(lines: Sequence[Line]) -> str:
    """The table, and what was wrong with a run."""
    scene = lines[0].scene.name
    heads = [f"end to end, {scene}", "p50 ms", "rounds", "ratio", "detect", "classify", "p99", "frames/s", "MB"]
    rows = [[*heads, "start s", "verdict"]]
    for line in lines:
        detect, classify = (line.scene.stages.get(stage) for stage in ("detect", "classify"))
        rounds = line.scene.rounds_p50_ms
        rss, start = line.result.rss_bytes, line.result.start_s
        rows.append(
            [
                line.name,
                f"{line.scene.end_to_end.p50_ms:.2f}",
                f"{min(rounds):.2f}-{max(rounds):.2f}",
                f"{line.ratio:.2f}",
                f"{detect.p50_ms:.2f}" if detect else "",
                f"{classify.p50_ms:.2f}" if classify else "",
                f"{line.scene.end_to_end.p99_ms:.2f}",
                f"{line.scene.fps:.1f}",
                f"{rss / 1e6:.0f}" if rss else "",
                f"{start:.2f}" if start is not None else "",
                line.verdict,
            ]
        )
    notes = [f"{line.name}: {facts(line.result)}" for line in lines]
    notes += [f"{line.name}: not by the rules: {mark}" for line in lines for mark in line.result.marks]
    return "\n".join([*grid(rows), "", *notes])


def facts(result: Result) -> str:
    """What may make the difference, in a line."""
    machine = result.machine
    board = machine.processor if machine.board.startswith("no ") else machine.board
    return (
        f"{board}, Mien {result.mien}, {machine.runtime}, detector {result.detector}, "
        f"model {result.model.name} {result.model.version}, threads {result.threads.get('classify', 1)}"
    )


def names(paths: Sequence[str]) -> list[str]:
    """Short names of files: the part that tells them apart."""
    stems = [path.rsplit("/", 1)[-1].removesuffix(".json") for path in paths]
    return [stem if stems.count(stem) == 1 else path for stem, path in zip(stems, paths, strict=True)]
