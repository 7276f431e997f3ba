"""What the bundled models can do: from the figures in their own files, and the counted instructions.

A figure of a bundled model therefore stands in one place: in the file that it describes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docs.generate.tables import code, percent, table
from edge.model.labels import FERPLUS
from edge.model.package import DEFAULT_MODEL, Package, bundled_models, model_path, read_package

COUNTED = Path(__file__).resolve().parents[2] / "tests/pi/instructions.json"
PROCESSORS = {"a53": "Zero 2 W and Pi 3 (A53)", "a72": "Pi 4 (A72)", "a76": "Pi 5 (A76)"}
TRUTHS = {
    "ferplus": "what most of FER+'s ten taggers say",
    "fer2013": "FER-2013's own labels",
}
COUNTED_BY = "tests/pi/count.py --bundled"
ROUGH_BELOW = 100
"""Faces of a label; a share of fewer is rough."""


def overview() -> str:
    """One row a bundled emotion model, the default first."""
    rows = []
    for name in sorted(bundled_models(), key=lambda one: (one != DEFAULT_MODEL, one)):
        package = read_package(model_path(name))
        found = _evaluation(package)
        rows.append(
            (
                code(name) + (", the default" if name == DEFAULT_MODEL else ""),
                f"{len(package.labels)}, by {TRUTHS[found['labels']]}",
                percent(found["all"]["accuracy"]),
                percent(found["all"]["mean_recall"]),
                f"{found['all']['n']:,} {found['split']} faces",
                _megabytes(name),
                f"{code(f'converters/bundle.sh {name} fer2013.npz')}",
            )
        )
    head = ("Model", "Labels", "Right (int8)", "Mean recall", "Of", "File", "Made and measured by")
    return table(head, rows)


def cost() -> str:
    """What a step of the pipeline costs on each processor, in millions of executed instructions."""
    steps = json.loads(COUNTED.read_text())["steps"]
    words = {"detect": "find faces in a frame of 320x240", "classify": "classify one face"}
    rows = [
        (words.get(step, step), *(f"{counted[key] / 1e6:.1f}" for key in PROCESSORS), code(COUNTED_BY))
        for step, counted in steps.items()
    ]
    return table(("Million instructions, emulated", *PROCESSORS.values(), "Counted by"), rows)


def scores(name: str) -> str:
    """A model's scores as a whole, with and without duplicates."""
    found = _evaluation(read_package(model_path(name)))
    rows = [
        (
            f"{found['split']}{words}",
            f"{part['n']:,}",
            percent(part["accuracy"]),
            f"{part['macro_f1']:.3f}",
            percent(part["mean_recall"]),
            f"{part['calibration_error']:.3f} ({part['calibration_floor']:.3f})",
        )
        for words, part in (("", found["all"]), (" without duplicates", found["without_duplicates"]))
    ]
    head = ("int8", "N", "accuracy", "macro-F1", "mean recall", "calibration error (floor)")
    left_out = "; ".join(f"{number:,} {reason}" for reason, number in found["left_out"].items()) or "none"
    return f"Rule: {found['rule']}. Left out: {left_out}.\n\n{table(head, rows, right=5)}\n\n{_conversion(name)}"


def classes(name: str) -> str:
    """Precision, recall and F1 of every label, and what it is most often taken for."""
    package = read_package(model_path(name))
    found = _evaluation(package)["all"]
    rows = []
    for row, label in enumerate(package.labels):
        one = found["classes"][label]
        taken_for = max(
            (number, other) for column, other in enumerate(package.labels) if column != row
            for number in [found["confusion"][row][column]]
        )  # fmt: skip
        rows.append(
            (
                label,
                f"{one['n']:,}",
                *(f"{one[key]:.3f}" for key in ("precision", "recall", "f1")),
                f"{taken_for[1]} ({percent(taken_for[0] / one['n'])})",
            )
        )
    return table(("int8", "n", "precision", "recall", "F1", "most often taken for"), rows)


def errors() -> str:
    """For each label and model: how many such faces are missed, and how often the word is wrong when it is said."""
    names = sorted(bundled_models(), key=lambda one: (one != DEFAULT_MODEL, one))
    found = {name: _evaluation(read_package(model_path(name)))["all"]["classes"] for name in names}
    rows = []
    for label in FERPLUS:
        row = [label]
        for name in names:
            one = found[name].get(label)
            row += ["", "", ""] if one is None else [
                f"{one['n']:,}" + ("*" if one["n"] < ROUGH_BELOW else ""),
                f"{100 * (1 - one['recall']):.0f} %",
                # The file does not tell a word that is always wrong from one that is never said.
                f"{100 * (1 - one['precision']):.0f} %" if one["precision"] else "never right",
            ]  # fmt: skip
        rows.append(row)
    head = ["", *(words for name in names for words in (f"{code(name)}: faces", "missed", "wrong when said"))]
    return f"{table(head, rows)}\n\n\\* fewer than {ROUGH_BELOW} faces: the share is rough."


def size(name: str) -> str:
    """What a model is and costs."""
    package = read_package(model_path(name))
    manifest = package.manifest
    counted = json.loads(COUNTED.read_text())["models"].get(name)
    cost = (
        ", ".join(f"{counted[key] / 1e6:.1f} million on {words}" for key, words in PROCESSORS.items())
        if counted
        else "not counted yet"
    )
    rows = [
        ("Version", manifest.version),
        ("Labels, in the order of the output", ", ".join(package.labels)),
        ("Input", f"{manifest.input.dtype} {list(manifest.input.shape)}: one face, luma; real value = raw / 255"),
        ("Output", f"{manifest.output.dtype} {list(manifest.output.shape)}, {manifest.activation}"),
        ("Parameters, BatchNorm folded", f"{manifest.parameters:,}" if manifest.parameters else "not known"),
        ("File", _megabytes(name)),
        (f"Executed instructions a face ({code(COUNTED_BY)})", cost),
        ("Licence", manifest.licence),
        ("Origin", manifest.origin),
        ("sha256 of the flatbuffer", code(manifest.sha256)),
    ]
    return table(("", ""), rows)


def _conversion(name: str) -> str:
    said: dict[str, Any] = read_package(model_path(name)).manifest.metrics["conversion"]
    return (
        f"Against its float source, {said['n']:,} faces of {said['data']}: the same answer for "
        f"{percent(said['agreement'])}, scores {said['mean_score_difference']:.4f} apart in the mean and "
        f"{said['largest_score_difference']:.2f} at most."
    )


def _evaluation(package: Package) -> dict[str, Any]:
    found: dict[str, Any] = package.manifest.metrics["evaluation"]
    return found


def _megabytes(name: str) -> str:
    return f"{model_path(name).stat().st_size / 1e6:.2f} MB"
