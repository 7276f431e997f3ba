"""How good a finished model is on a split: one measurement for float and int8, with and without duplicates."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct, to_builtins
from numpy.typing import NDArray

from edge.errors import SourceError
from edge.model.labels import FERPLUS
from training.dataset import UNLABELLED, Faces
from training.duplicates import duplicate_groups
from training.metrics import Metrics, measure
from training.predictor import Predictor
from training.splits import LABEL_SETS, is_training, split
from training.votes import TIE_RULE, majority

VALIDATION = "validation"
"""The name of the tenth of Training that chooses; every other split is called as its data set calls it."""


class Evaluation(Struct, frozen=True):
    """labels: the label set that says what is right. rule: how a face got its label, and which were left out.

    without_duplicates: on the faces that stand neither in the training split nor earlier in this one.
    """

    split: str
    labels: str
    rule: str
    left_out: dict[str, int]
    all: Metrics
    without_duplicates: Metrics | None


class Sample(Struct, frozen=True, eq=False):
    """The faces that an evaluation counts, with their truth as indices into the model's labels.

    fresh: whether a face stands nowhere else in training, nor earlier in its split.
    """

    split: str
    labels: str
    rule: str
    left_out: dict[str, int]
    faces: Faces
    truth: NDArray[np.intp]
    fresh: NDArray[np.bool_]


def evaluate(predictor: Predictor, faces: Faces, split_name: str, label_set: str | None = None) -> Evaluation:
    """Measure a model on a split. Raises SourceError if the split, or a label for it, is not there."""
    sample = sample_of(predictor.labels, faces, split_name, label_set)
    return judge(predictor.labels, sample, predictor.scores(sample.faces.pixels))


def judge(labels: tuple[str, ...], sample: Sample, scores: NDArray[np.float32]) -> Evaluation:
    """What the scores of a sample's faces, float32 (n, labels), are worth."""
    fresh = sample.fresh
    return Evaluation(
        split=sample.split,
        labels=sample.labels,
        rule=sample.rule,
        left_out=sample.left_out,
        all=measure(scores, sample.truth, labels),
        without_duplicates=measure(scores[fresh], sample.truth[fresh], labels) if fresh.any() else None,
    )


def default_label_set(labels: tuple[str, ...], faces: Faces) -> str:
    """The votes for a model of FER+'s eight where people voted, else the data's own labels."""
    return "ferplus" if len(labels) == len(FERPLUS) and faces.votes is not None else "fer2013"


def sample_of(labels: tuple[str, ...], faces: Faces, split_name: str, label_set: str | None = None) -> Sample:
    """The faces of a split and what is right for each, by the label set or the labels' own. Raises SourceError."""
    label_set = label_set or default_label_set(labels, faces)
    rows = rows_of_split(faces, split_name)
    words, emotions = truth_of(faces, label_set)
    table = np.array([labels.index(word) if word in labels else UNLABELLED for word in words] + [UNLABELLED])
    truth = table[emotions[rows]]
    known = truth != UNLABELLED
    left_out = {}
    if unlabelled := int((emotions[rows] == UNLABELLED).sum()):
        left_out["without a label by the rule"] = unlabelled
    if foreign := int((~known).sum()) - unlabelled:
        left_out["with a label that the model lacks"] = foreign
    if not known.any():
        raise SourceError(f"split {split_name}: no face has a label of {label_set} that the model knows")
    fresh = fresh_rows(faces, rows)
    rule = TIE_RULE if label_set == "ferplus" and faces.votes is not None else "the data set's own labels"
    return Sample(
        split=split_name,
        labels=label_set,
        rule=rule,
        left_out=left_out,
        faces=faces.take(rows[known]),
        truth=truth[known].astype(np.intp),
        fresh=fresh[known],
    )


def rows_of_split(faces: Faces, name: str) -> NDArray[np.intp]:
    """Rows of a split, by its own name or "validation". Raises SourceError if there is none."""
    rows = np.flatnonzero(faces.splits == name)
    if len(rows) == 0 and name == VALIDATION and is_training(faces).any():
        rows = split(faces).validation.rows
    if len(rows) == 0:
        known = [*sorted(set(faces.splits.tolist())), VALIDATION]
        raise SourceError(f"split {name}: the data have no such split (there are {', '.join(known)})")
    return rows


def truth_of(faces: Faces, label_set: str) -> tuple[tuple[str, ...], NDArray[np.int8]]:
    """(words, index of each face's). Raises SourceError if nobody voted where votes are asked for."""
    if label_set not in LABEL_SETS:
        raise SourceError(f"labels {label_set}: must be one of {', '.join(LABEL_SETS)}")
    if label_set == "fer2013" or (faces.votes is None and faces.labels == FERPLUS):
        return faces.labels, faces.emotions
    if faces.votes is None:
        raise SourceError("labels ferplus: the data hold no votes (name their file with --votes)")
    return FERPLUS, majority(faces.votes)


def fresh_rows(faces: Faces, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which rows show a picture that neither trains nor stood earlier among them."""
    groups = duplicate_groups(faces.pixels)
    training = is_training(faces)
    if training[rows].all():
        # The validation tenth: split() keeps the copies of its faces out of training, too.
        training &= ~np.isin(groups, groups[rows])
    first = np.zeros(len(rows), bool)
    first[np.unique(groups[rows], return_index=True)[1]] = True
    return first & ~np.isin(groups[rows], groups[training])


def as_text(result: Evaluation) -> str:
    """The measurement as a page for people."""
    lines = [f"split {result.split}, labels {result.labels}: {result.rule}"]
    lines += [f"  left out: {count} {reason}" for reason, count in result.left_out.items()]
    for title, metrics in (("all", result.all), ("without duplicates", result.without_duplicates)):
        if metrics is not None:
            lines += ["", f"{title}: N = {metrics.n}", _headline(metrics)]
    lines += ["", *_class_table(result.all), "", *_confusion_table(result.all)]
    return "\n".join(lines)


def _headline(metrics: Metrics) -> str:
    values = {"accuracy": metrics.accuracy, "macro-F1": metrics.macro_f1, "mean recall": metrics.mean_recall}
    calibration = f"calibration error {metrics.calibration_error:.4f} (floor {metrics.calibration_floor:.4f})"
    return "  " + "  ".join([*(f"{name} {value:.4f}" for name, value in values.items()), calibration])


def _class_table(metrics: Metrics) -> list[str]:
    lines = [f"{'':>10} {'n':>6} {'precision':>10} {'recall':>8} {'F1':>8}"]
    for label, entry in metrics.classes.items():
        lines.append(f"{label:>10} {entry.n:>6} {entry.precision:>10.3f} {entry.recall:>8.3f} {entry.f1:>8.3f}")
    return lines


def _confusion_table(metrics: Metrics) -> list[str]:
    words = [label[:7] for label in metrics.classes]
    lines = [f"{'shown/said':>10} " + " ".join(f"{word:>7}" for word in words)]
    for label, row in zip(metrics.classes, metrics.confusion, strict=True):
        lines.append(f"{label:>10} " + " ".join(f"{count:>7}" for count in row))
    return lines


def as_table(result: Evaluation, model: str) -> dict[str, Any]:
    """The measurement as JSON takes it."""
    return {"model": model, **to_builtins(result)}
