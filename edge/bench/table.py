"""A run as a page for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.stages import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edge.bench.record import Timing
    from edge.bench.result import Accuracy, Condition, Result

QUANTILES = ("p50", "p90", "p95", "p99", "max")


def as_text(result: Result) -> str:
    """All of a run."""
    lines = [*_facts(result)]
    if result.scenes:
        lines += ["", *_scenes(result), "", *_stages(result)]
    if result.accuracy is not None:
        lines += ["", *_accuracy(result.accuracy)]
    lines += ["", *_sums(result)]
    lines += [f"NOT BY THE RULES: {mark}" for mark in result.marks]
    return "\n".join(lines)


def grid(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows in columns, the first to the left and the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(w) if n == 0 else cell.rjust(w) for n, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def model_in_words(result: Result) -> str:
    """'detector haar, model emotion 1.0, accelerated, 1 thread'."""
    kernels = "accelerated" if result.model.accelerated else "the slow reference kernels"
    threads = result.threads.get("classify", 1)
    return (
        f"detector {result.detector}, model {result.model.name} {result.model.version}, int8 {kernels}, "
        f"{threads} thread{'s' if threads > 1 else ''}"
    )


def condition_in_words(condition: Condition) -> str:
    """'2400 MHz, performance, 48 degrees Celsius, not throttled'."""
    words = [] if condition.mhz is None else [f"{condition.mhz:.0f} MHz"]
    words += [] if condition.governor is None else [f"governor {condition.governor}"]
    words += [] if condition.celsius is None else [f"{condition.celsius:.0f} degrees Celsius"]
    words.append(", ".join(condition.throttled) or "not throttled")
    words += [] if condition.others_cores is None else [f"others kept {condition.others_cores:.2f} processors busy"]
    return ", ".join(words)


def _facts(result: Result) -> Iterator[str]:
    machine = result.machine
    features = f" ({', '.join(machine.features)})" if machine.features else ""
    yield f"Mien {result.mien}, {result.made_at}: {result.command}"
    yield (
        f"{machine.board}: {machine.processor}{features}, {machine.cores} cores, "
        f"{machine.memory_bytes / 1e9:.1f} GB"
    )
    yield f"{machine.system}, kernel {machine.kernel}, Python {machine.python}, {machine.runtime}"
    yield model_in_words(result)
    yield f"before: {condition_in_words(result.before)}"
    yield f"after:  {condition_in_words(result.after)}"


def _scenes(result: Result) -> list[str]:
    heads = ["scene (size-faces), ms a frame", *QUANTILES, "frames/s", "CPU ms", "found", "false", "frames"]
    rows = [heads]
    for scene in result.scenes:
        found = "" if scene.found is None else f"{scene.found:g} of {scene.faces}"
        wrong = "" if scene.false_boxes is None else f"{scene.false_boxes:g}"
        rows.append(
            [
                *(scene.name, *_times(scene.end_to_end), f"{scene.fps:.1f}", f"{scene.cpu_ms:.2f}"),
                *(found, wrong, str(scene.frames)),
            ]
        )
    return grid(rows)


def _stages(result: Result) -> list[str]:
    return _stage_grid(f"stage of {result.headline}, ms a frame", result.stages, result.end_to_end)


def _stage_grid(title: str, stages: dict[str, Timing], total: Timing | None) -> list[str]:
    rows = [[title, *QUANTILES]]
    rows += [[stage, *_times(stages[stage])] for stage in STAGES if stage in stages]
    if total is not None:
        rows.append(["end to end", *_times(total)])
    return grid(rows)


def _accuracy(found: Accuracy) -> list[str]:
    split = f" {found.split}" if found.split else ""
    lines = [
        f"{found.data}{split}: {found.accuracy:.1%} of {found.n} right, mean recall {found.mean_recall:.1%}",
        f"faces {'given' if found.whole else 'found'}: {found.found}, {found.accuracy_of_found:.1%} of those right",
        f"labels: {found.rule}",
        "recall: " + ", ".join(f"{label} {recall:.1%}" for label, recall in found.recalls.items()),
        "",
    ]
    return lines + _stage_grid("stage, ms a picture", found.stages, None)


def _sums(result: Result) -> Iterator[str]:
    if result.start_s is not None:
        yield f"start to first line: {result.start_s:.2f} s (median of {len(result.start_runs_s)})"
    if result.rss_bytes is not None:
        yield f"peak resident memory of mien run: {result.rss_bytes / 1e6:.0f} MB"
    if result.energy is not None:
        energy = result.energy
        yield (
            f"power: {energy.idle_w:.2f} W at rest, {energy.work_w:.2f} W at work, "
            f"{energy.frame_mj:.1f} mJ a frame beyond rest"
        )


def _times(timing: Timing) -> list[str]:
    return [
        f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"
        for value in (timing.p50_ms, timing.p90_ms, timing.p95_ms, timing.p99_ms, timing.max_ms)
    ]
