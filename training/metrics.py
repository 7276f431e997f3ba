"""What scores are worth, measured: by class too, for accuracy alone hides an "always neutral"."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

BINS = 15
FLOOR_DRAWS = 200


class ClassMetrics(Struct, frozen=True):
    """precision: of those called so, the share that is. recall: of those that are, the share called so."""

    n: int
    precision: float
    recall: float
    f1: float


class Metrics(Struct, frozen=True):
    """confusion: rows are what is shown, columns what was said, in the order of `classes`.

    calibration_error: expected, of the top label, over 15 bins of equal mass; calibration_floor: what a perfectly
    calibrated model would measure with as many faces.
    """

    n: int
    accuracy: float
    macro_f1: float
    mean_recall: float
    calibration_error: float
    calibration_floor: float
    classes: dict[str, ClassMetrics]
    confusion: list[list[int]]


def measure(scores: NDArray[np.float32], truth: NDArray[np.intp], labels: tuple[str, ...]) -> Metrics:
    """Everything about some faces.

    scores: shape (n, labels), rows sum to 1. truth: shape (n,), indices into labels; n is at least 1.
    """
    said = scores.argmax(axis=1)
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(confusion, (truth, said), 1)
    classes = {label: _class_metrics(confusion, number) for number, label in enumerate(labels)}
    # A label that none of the faces shows has no recall; a mean over it would punish the data, not the model.
    shown = [entry for entry in classes.values() if entry.n]
    top = scores.max(axis=1).astype(np.float64)
    right = said == truth
    return Metrics(
        n=len(truth),
        accuracy=float(right.mean()),
        macro_f1=float(np.mean([entry.f1 for entry in shown])),
        mean_recall=float(np.mean([entry.recall for entry in shown])),
        calibration_error=calibration_error(top, right),
        calibration_floor=calibration_floor(top),
        classes=classes,
        confusion=confusion.tolist(),
    )


def _class_metrics(confusion: NDArray[np.int64], number: int) -> ClassMetrics:
    hits = int(confusion[number, number])
    shown, called = int(confusion[number].sum()), int(confusion[:, number].sum())
    precision, recall = hits / max(called, 1), hits / max(shown, 1)
    return ClassMetrics(shown, precision, recall, 2 * hits / max(shown + called, 1))


def reliability(top: NDArray[np.float64], right: NDArray[np.bool_]) -> list[tuple[float, float, int]]:
    """(mean score, share right, faces) for each of 15 bins of equal mass, the least certain first.

    top: shape (n,), the best score of each face.
    """
    order = np.argsort(top, kind="stable")
    bins = [part for part in np.array_split(order, BINS) if len(part)]
    return [(float(top[part].mean()), float(right[part].mean()), len(part)) for part in bins]


def calibration_error(top: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """The mean distance between score and share right, 0..1."""
    return sum(abs(score - share) * count for score, share, count in reliability(top, right)) / len(top)


def calibration_floor(top: NDArray[np.float64]) -> float:
    """The calibration error that chance alone gives where every score is exactly true."""
    rng = np.random.default_rng(0)
    drawn = [calibration_error(top, rng.random(len(top)) < top) for _ in range(FLOOR_DRAWS)]
    return float(np.mean(drawn))
