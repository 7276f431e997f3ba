"""A day as a picture: coloured steps, a colour an emotion, from a palette that colour-blind people can tell apart.

The only part of `edge` that draws with matplotlib, which is imported when somebody asks for the picture.
"""

from __future__ import annotations

import io
from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from edge.draw import COLOURS
from edge.errors import MissingPackageError
from edge.model.labels import FERPLUS, UNCERTAIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from edge.sinks.history.read import StoredMinute

BIN_MIN = 10
TICK_H = 2
PALE, PALER = "#cfcfcf", "#e9e9e9"
"""For what is no emotion: uncertain, and undecided."""
INK, QUIET = "#222222", "#767676"


def new_figure() -> Figure:
    """An empty figure. Raises MissingPackageError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPackageError("matplotlib is not installed: pip install 'mien[plot]'") from error
    return Figure((11, 4.8), dpi=120, layout="constrained", facecolor="white")


def as_png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    # Without the software's version, the same day gives the same file.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def draw_day(figure: Figure, since: datetime, until: datetime, minutes: Iterable[StoredMinute]) -> None:
    """since, until: the day's two midnights, local."""
    cameras: set[str] = set()
    steps = defaultdict[str, "NDArray[np.float64]"](
        lambda: np.zeros(-(-(until - since) // timedelta(minutes=BIN_MIN)))
    )
    for row in minutes:
        cameras.add(row.camera)
        steps[row.emotion][(row.time - since) // timedelta(minutes=BIN_MIN)] += row.seconds / 60
    axes = figure.subplots()
    label_axes(axes, since, until)
    total_min = sum(float(values.sum()) for values in steps.values())
    seen = f"a face in view for {in_words(total_min)}" if total_min else "no face was in view"
    axes.set_title(
        f"{since:%A} {since.day} {since:%B %Y}", loc="left", pad=26, color=INK, fontsize=15, weight="bold"
    )
    axes.text(0, 1.035, ", ".join([*sorted(cameras), seen]), transform=axes.transAxes, color=QUIET, fontsize=10.5)
    if steps:
        draw_steps(axes, {emotion: steps[emotion] for emotion in in_order(steps)})


def in_order(emotions: Iterable[str]) -> list[str]:
    """From the bottom up: the calm one, the others, then what is no emotion."""
    known = [*FERPLUS, UNCERTAIN]
    return sorted(emotions, key=lambda word: (known.index(word) if word in known else len(known), word))


def draw_steps(axes: Axes, steps: dict[str, NDArray[np.float64]]) -> None:
    hours = np.arange(len(next(iter(steps.values())))) * BIN_MIN / 60 + BIN_MIN / 120
    floor = np.zeros(len(hours))
    for emotion, values in steps.items():
        label = f"{emotion}, {in_words(float(values.sum()))}"
        axes.bar(hours, values, 0.88 * BIN_MIN / 60, floor, color=colour_of(emotion), label=label)
        floor += values
    axes.set_ylim(0, max(BIN_MIN, 1.05 * float(floor.max())))
    handles, labels = axes.get_legend_handles_labels()
    # From the top down, as they are stacked.
    axes.legend(
        handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, labelcolor=INK
    )


def label_axes(axes: Axes, since: datetime, until: datetime) -> None:
    ticks = list(hours_of_day(since, until))
    axes.set_xticks([position for position, _ in ticks], [name for _, name in ticks])
    axes.set_xlim(0, (until - since) / timedelta(hours=1))
    axes.set_ylim(0, BIN_MIN)
    axes.set_ylabel(f"minutes in view, of every {BIN_MIN}", color=QUIET)
    axes.tick_params(colors=QUIET, length=0, pad=7)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#bbbbbb")


def hours_of_day(since: datetime, until: datetime) -> Iterator[tuple[float, str]]:
    """(hours since midnight, what the clock showed), right on the days that have 23 or 25 hours, too."""
    naive = since.replace(tzinfo=None)
    for hour in range(0, 24, TICK_H):
        shown = naive + timedelta(hours=hour)
        yield (shown.astimezone() - since) / timedelta(hours=1), f"{hour:02}:00"
    yield (until - since) / timedelta(hours=1), "24:00"


def colour_of(emotion: str) -> str:
    if emotion not in COLOURS:
        return PALE if emotion == UNCERTAIN else PALER
    blue, green, red = COLOURS[emotion]
    return f"#{red:02x}{green:02x}{blue:02x}"


def in_words(minutes: float) -> str:
    """'2 h 5 min', '12 min', '40 s'."""
    if minutes < 1:
        return f"{60 * minutes:.0f} s"
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"
