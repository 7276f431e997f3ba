"""One page that shows what a model can do: curves, tables, confusion, calibration and its worst mistakes."""

from __future__ import annotations

import base64
import html

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from training.evaluate import Evaluation, Sample
from training.metrics import Metrics, reliability
from training.plots import as_png, confusion, curves, grid, reliability_diagram

SHOWN_MISTAKES, MISTAKE_COLUMNS = 36, 9

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; } td, th { padding: .2rem .8rem; text-align: right; }
th:first-child, td:first-child { text-align: left; } tr:nth-child(even) { background: #f2f5f8; }
img { max-width: 100%; } pre { background: #f2f5f8; padding: 1rem; overflow-x: auto; }
"""


class Page(Struct, frozen=True, eq=False):
    """html: the page, which needs no other file. pictures: the PNG files in it, by name."""

    html: str
    pictures: dict[str, bytes]


def make_page(
    title: str,
    result: Evaluation,
    sample: Sample,
    scores: NDArray[np.float32],
    *,
    history: list[dict[str, float]] | None = None,
    recipe: str | None = None,
) -> Page:
    """The report of a model on a split.

    scores: float32, shape (n, labels), of the sample's faces. history, recipe: of the training, where known.
    """
    pictures = {}
    if history:
        pictures["curves.png"] = as_png(curves(history))
    pictures["confusion.png"] = as_png(confusion(result.all))
    top, right = scores.max(axis=1).astype(np.float64), scores.argmax(axis=1) == sample.truth
    diagram = reliability_diagram(reliability(top, right), result.all.calibration_error)
    pictures["reliability.png"] = as_png(diagram)
    wrong = np.flatnonzero(~right)
    worst = wrong[np.argsort(-top[wrong], kind="stable")][:SHOWN_MISTAKES]
    labels = list(result.all.classes)
    captions = [f"{labels[sample.truth[n]]},\nsaid {labels[scores[n].argmax()]} {top[n]:.2f}" for n in worst]
    if len(worst):
        pictures["mistakes.png"] = as_png(grid(sample.faces.pixels[worst], captions, MISTAKE_COLUMNS))
    return Page(_html(title, result, pictures, recipe), pictures)


def _html(title: str, result: Evaluation, pictures: dict[str, bytes], recipe: str | None) -> str:
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f"<p>Split {html.escape(result.split)}, labels {result.labels}: {html.escape(result.rule)}.</p>",
        "".join(f"<p>Left out: {count} {html.escape(reason)}.</p>" for reason, count in result.left_out.items()),
        _summary(result),
        _classes(result.all),
    ]
    headings = {
        "curves.png": "Training",
        "confusion.png": "What is shown, and what was said",
        "reliability.png": "Can the scores be believed?",
        "mistakes.png": "The surest mistakes",
    }
    for name, content in pictures.items():
        data = base64.b64encode(content).decode()
        parts.append(f'<h2>{headings[name]}</h2><img alt="{headings[name]}" src="data:image/png;base64,{data}">')
    if recipe is not None:
        parts.append(f"<h2>Recipe</h2><pre>{html.escape(recipe)}</pre>")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _summary(result: Evaluation) -> str:
    heads = ("faces", "N", "accuracy", "macro-F1", "mean recall", "calibration error", "floor")
    rows = []
    for title, entry in (("all", result.all), ("without duplicates", result.without_duplicates)):
        if entry is not None:
            shares = (entry.accuracy, entry.macro_f1, entry.mean_recall)
            numbers = [f"{100 * share:.2f} %" for share in shares]
            numbers += [f"{entry.calibration_error:.4f}", f"{entry.calibration_floor:.4f}"]
            rows.append([title, str(entry.n), *numbers])
    return _table(heads, rows)


def _classes(metrics: Metrics) -> str:
    rows = [
        [label, str(entry.n), f"{entry.precision:.3f}", f"{entry.recall:.3f}", f"{entry.f1:.3f}"]
        for label, entry in metrics.classes.items()
    ]
    return _table(("label", "n", "precision", "recall", "F1"), rows)


def _table(heads: tuple[str, ...], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"
