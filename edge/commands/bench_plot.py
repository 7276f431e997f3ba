"""Results of the benchmark as pictures; colours that colour-blind people can tell apart (Okabe and Ito)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.bench.record import CURVE
from edge.commands.history import write_whole
from edge.commands.history_plot import INK, QUIET, as_png, new_figure
from edge.stages import STAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from edge.bench.compare import Line
    from edge.bench.record import Timing
    from edge.bench.result import Result, SceneResult

SHADES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")
COLOURS = dict(zip(STAGES, SHADES, strict=True))
DARK = ("capture", "track", "decide")
"""Whose colours white words are read on."""
STYLES = ("-", "--", ":", "-.")
WORTH_NAMING = 0.06
"""A stage below this share of the longest bar is left to the legend."""


def write_picture(path: Path, draw: Callable[[Figure], None]) -> None:
    """The picture that `draw` fills. Raises SinkError, MissingPackageError."""
    figure = new_figure()
    draw(figure)
    write_whole(path, as_png(figure))


def draw_run(figure: Figure, result: Result) -> None:
    """Left the distribution of each scene's frames, right what the stages take."""
    figure.set_size_inches(13, 5.2)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.1))
    machine = result.machine
    board = machine.processor if machine.board.startswith("no ") else machine.board
    title = f"{board}, Mien {result.mien}, detector {result.detector}, model {result.model.name}"
    marked = " (not by the rules)" if result.marks else ""
    figure.suptitle(title + marked, x=0.01, ha="left", color=INK, fontsize=13, weight="bold")
    draw_distributions(left, result.scenes)
    draw_stages(right, {scene.name: scene.stages for scene in result.scenes})


def draw_distributions(axes: Axes, scenes: Sequence[SceneResult]) -> None:
    """Which share of the frames took at most so long; a colour a number of faces, a style a size."""
    faces = sorted({scene.faces or 0 for scene in scenes})
    sizes = sorted({scene.size for scene in scenes})
    for scene in scenes:
        axes.plot(
            scene.curve_ms,
            list(CURVE),
            color=SHADES[faces.index(scene.faces or 0) % len(SHADES)],
            linestyle=STYLES[sizes.index(scene.size) % len(STYLES)],
            linewidth=1.8,
            label=scene.name,
        )
    axes.set_xscale("log")
    plain_numbers(axes)
    axes.set_ylim(0, 100)
    axes.set_title("end to end", loc="left", color=INK, fontsize=11)
    axes.set_xlabel("milliseconds, at most", color=QUIET)
    axes.set_ylabel("% of the frames", color=QUIET)
    beside(axes)
    calm(axes, "both")


def draw_stages(axes: Axes, bars: Mapping[str, Mapping[str, Timing]]) -> None:
    """A bar of medians for each name, the first on top. Stages that few frames reach count as those frames took."""
    names = list(bars)[::-1]
    floor = [0.0] * len(names)
    longest = max(sum(timing.p50_ms for timing in stages.values()) for stages in bars.values())
    for stage in STAGES:
        widths = [bars[name][stage].p50_ms if stage in bars[name] else 0.0 for name in names]
        if max(widths) == 0:
            continue
        drawn = axes.barh(names, widths, 0.62, floor, color=COLOURS[stage], label=stage)
        words = [short(width) if width >= WORTH_NAMING * longest else "" for width in widths]
        axes.bar_label(drawn, words, label_type="center", fontsize=8, color="white" if stage in DARK else INK)
        floor = [below + width for below, width in zip(floor, widths, strict=True)]
    for place, end in enumerate(floor):
        axes.text(end + 0.01 * longest, place, short(end), va="center", fontsize=8.5, color=INK)
    axes.set_xlim(0, 1.12 * longest)
    axes.set_title("stages, medians", loc="left", color=INK, fontsize=11)
    axes.set_xlabel("milliseconds a frame", color=QUIET)
    beside(axes)
    calm(axes, "x")


def draw_comparison(figure: Figure, lines: Sequence[Line]) -> None:
    """Left the rounds of each run, right its stages."""
    figure.set_size_inches(13, 1.9 + 0.55 * max(4, len(lines)))
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.3))
    names = [f"{line.name}\n{line.verdict}" for line in lines]
    figure.suptitle(f"end to end, {lines[0].scene.name}", x=0.01, ha="left", color=INK, fontsize=13, weight="bold")
    for place, line in enumerate(lines):
        rounds, middle = line.scene.rounds_p50_ms, line.scene.end_to_end.p50_ms
        left.plot(rounds, [place] * len(rounds), "o", color=SHADES[0], alpha=0.55, markersize=6)
        left.plot([middle] * 2, [place - 0.28, place + 0.28], color=INK, linewidth=2)
        left.annotate(
            short(middle), (middle, place - 0.3), ha="center", va="bottom", fontsize=8.5, color=INK,
            xytext=(0, 1), textcoords="offset points",
        )  # fmt: skip
    left.set_yticks(range(len(names)), names)
    left.set_ylim(len(names) - 0.4, -0.7)
    low = min(min(line.scene.rounds_p50_ms) for line in lines)
    high = max(max(line.scene.rounds_p50_ms) for line in lines)
    if high > 10 * low:
        left.set_xscale("log")
        plain_numbers(left)
    else:
        left.set_xlim(0, 1.08 * high)
    left.set_title("median of each round (dots), of all frames (line)", loc="left", color=INK, fontsize=11)
    left.set_xlabel("milliseconds a frame", color=QUIET)
    calm(left, "x")
    draw_stages(right, {line.name: line.scene.stages for line in lines})
    right.set_ylim(-0.6, len(names) - 0.3)  # each run at one height on both sides


def beside(axes: Axes) -> None:
    """The legend, where it hides nothing."""
    axes.legend(frameon=False, labelcolor=INK, fontsize=8.5, loc="center left", bbox_to_anchor=(1.0, 0.5))


def short(value: float) -> str:
    """Three digits that count: 0.12, 1.23, 12.3, 123."""
    return f"{value:.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def plain_numbers(axes: Axes) -> None:
    """A logarithmic axis with 2, 20 and 50 on it instead of powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g}"))
    axes.minorticks_off()


def calm(axes: Axes, grid: str) -> None:
    """Few lines, and none that is not needed."""
    axes.tick_params(colors=QUIET, length=0, pad=5, labelsize=9)
    axes.grid(axis=grid, color="#e6e6e6", linewidth=0.8)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#bbbbbb")
