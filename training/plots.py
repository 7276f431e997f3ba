"""Pictures of data and results. matplotlib draws into memory; nothing opens a window."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge.errors import MissingPackageError
from training.metrics import Metrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GRID_COLUMNS = 12
DPI = 110


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, sides in inches. Raises MissingPackageError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPackageError("matplotlib is not installed: pip install 'mien[plot]'") from error
    return Figure((width, height), layout="constrained", dpi=DPI)


def as_png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    # Without the software's version, the same data give the same file.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def curves(history: list[dict[str, float]]) -> Figure:
    """Loss and validation accuracies over the epochs."""
    figure = new_figure(9, 3.4)
    left, right = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in history]
    marker = "." if len(epochs) < 20 else ""  # a line through one epoch is nothing to see
    left.plot(epochs, [row["loss"] for row in history], color="tab:blue", marker=marker)
    left.set(title="training loss", xlabel="epoch")
    for key in sorted(key for key in history[0] if key.startswith("val_")):
        label = key.removeprefix("val_").replace("_", " ")
        right.plot(epochs, [100 * row[key] for row in history], label=label, marker=marker)
    right.set(title="validation, %", xlabel="epoch")
    right.legend()
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.locator_params(axis="x", integer=True)
    return figure


def confusion(metrics: Metrics) -> Figure:
    """Counts, coloured by the share of the row: what is shown, against what was said."""
    figure = new_figure(6.4, 5.6)
    axes = figure.subplots()
    counts = np.array(metrics.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    labels = list(metrics.classes)
    axes.set_xticks(range(len(labels)), labels, rotation=40, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set(xlabel="said", ylabel="shown", title=f"N = {metrics.n}")
    for (row, column), count in np.ndenumerate(counts):
        if count == 0:
            continue
        text = f"{count}\n{100 * shares[row, column]:.0f} %"
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
    return figure


def reliability_diagram(bins: list[tuple[float, float, int]], error: float) -> Figure:
    """Share right against score, a point a bin; the diagonal is the truth."""
    figure = new_figure(4.6, 4.4)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linestyle="--")
    scores, shares = [score for score, _, _ in bins], [share for _, share, _ in bins]
    axes.plot(scores, shares, marker="o", color="tab:blue", clip_on=False)
    axes.set(xlabel="score", ylabel="share right", xlim=(0, 1), ylim=(0, 1), title=f"calibration error {error:.3f}")
    axes.grid(alpha=0.3)
    return figure


def class_balance(counts: dict[str, dict[str, int]]) -> Figure:
    """Faces of each label, one colour a split."""
    figure = new_figure(8, 3.4)
    axes = figure.subplots()
    labels = list(next(iter(counts.values())))
    width = 0.8 / len(counts)
    for number, (split, by_label) in enumerate(counts.items()):
        places = np.arange(len(labels)) + number * width
        axes.bar(places, [by_label[label] for label in labels], width, label=split)
    axes.set_xticks(np.arange(len(labels)) + 0.4 - width / 2, labels)
    axes.set(ylabel="faces")
    axes.legend()
    return figure


def grid(pixels: NDArray[np.uint8], captions: list[str], columns: int = GRID_COLUMNS) -> Figure:
    """Faces side by side with a caption each; pixels: uint8, shape (n, 48, 48)."""
    rows = max(1, -(-len(pixels) // columns))
    figure = new_figure(columns * 0.95, rows * 1.25)
    for axes in np.atleast_1d(figure.subplots(rows, columns)).ravel():
        axes.axis("off")
    for axes, face, caption in zip(figure.axes, pixels, captions, strict=False):
        axes.imshow(face, cmap="gray", vmin=0, vmax=255)
        axes.set_title(caption, fontsize=6)
    return figure
