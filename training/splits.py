"""Which faces train, which choose and which measure; and what each is to teach.

The validation split is a tenth of Training without duplicates: none of its pictures, nor a copy of one, trains.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edge.errors import SourceError
from edge.model.labels import FER2013, FERPLUS
from training.dataset import Faces
from training.duplicates import duplicate_groups
from training.votes import distribution

VALIDATION_SHARE = 0.1
VALIDATION_SEED = 2013
TRAINING_NAMES = ("training", "train")

LABEL_SETS = {"fer2013": FER2013, "ferplus": FERPLUS}


class Part(Struct, frozen=True, eq=False):
    """Faces and their targets: one float32 array (n, labels) for each label set.

    A target row sums to 1, or is all zeros where the face says nothing about that label set.
    """

    pixels: NDArray[np.uint8]
    targets: dict[str, NDArray[np.float32]]
    rows: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.pixels)


class Splits(Struct, frozen=True, eq=False):
    """dropped: why training rows were left out, and how many."""

    training: Part
    validation: Part
    dropped: dict[str, int]


def is_training(faces: Faces) -> NDArray[np.bool_]:
    return np.isin(np.char.lower(faces.splits), TRAINING_NAMES)


def targets_of(faces: Faces) -> dict[str, NDArray[np.float32]]:
    """One-hot labels for fer2013 and the votes' distribution for ferplus (labels, where nobody voted)."""
    targets = {}
    for name, labels in LABEL_SETS.items():
        # The extra row is what UNLABELLED, or a label that the set lacks, points at.
        table = np.zeros((len(faces.labels) + 1, len(labels)), np.float32)
        for number, label in enumerate(faces.labels):
            if label in labels:
                table[number, labels.index(label)] = 1
        targets[name] = table[faces.emotions]
    if faces.votes is not None:
        voted = faces.votes.any(axis=1, keepdims=True)
        targets["ferplus"] = np.where(voted, distribution(faces.votes), targets["ferplus"]).astype(np.float32)
    return targets


def split(faces: Faces, *, keep_duplicates: bool = False) -> Splits:
    """The training and the validation part of the Training split.

    Copies of one picture become one row whose targets are the mean of theirs; what also stands in an evaluation
    split is left out. Raises SourceError if no face is left to train on.
    """
    training = is_training(faces)
    if not training.any():
        found = ", ".join(sorted(set(faces.splits.tolist()))) or "none"
        raise SourceError(f"no training split: rows are marked {found}; one must be called Training or train")
    groups = duplicate_groups(faces.pixels)
    leaked = training & np.isin(groups, groups[~training])
    usable = training & ~leaked
    if not usable.any():
        raise SourceError("every training picture also stands in an evaluation split")
    validating = _validation_groups(groups[usable])
    chosen = usable & np.isin(groups, validating)
    trains = usable & ~chosen
    targets = targets_of(faces)
    validation = _merged(faces, targets, groups, chosen)
    if keep_duplicates:
        # Only copies across splits are then dropped: they would falsify the score, copies within do not.
        rows = np.flatnonzero(trains)
        part = Part(faces.pixels[rows], {name: array[rows] for name, array in targets.items()}, rows)
    else:
        part = _merged(faces, targets, groups, trains)
    dropped = {
        "also in an evaluation split": int(leaked.sum()),
        "copies merged in training": int(trains.sum()) - len(part),
        "copies merged in validation": int(chosen.sum()) - len(validation),
    }
    return Splits(part, validation, dropped)


def taught(splits: Splits, heads: Iterable[str]) -> Splits:
    """The same without the training faces whose label none of the heads has; they are counted."""
    part = splits.training
    known = np.any([part.targets[name].any(axis=1) for name in heads], axis=0)
    if known.all():
        return splits
    kept = Part(part.pixels[known], {name: array[known] for name, array in part.targets.items()}, part.rows[known])
    lost = {"with a label that the model lacks": int((~known).sum())}
    return Splits(kept, splits.validation, {**splits.dropped, **lost})


def _validation_groups(groups: NDArray[np.intp]) -> NDArray[np.intp]:
    names = np.unique(groups)
    count = max(1, round(len(names) * VALIDATION_SHARE))
    return np.random.default_rng(VALIDATION_SEED).permutation(names)[:count]


def _merged(
    faces: Faces, targets: dict[str, NDArray[np.float32]], groups: NDArray[np.intp], mask: NDArray[np.bool_]
) -> Part:
    rows = np.flatnonzero(mask)
    _, first, member = np.unique(groups[rows], return_index=True, return_inverse=True)
    merged = {}
    for name, array in targets.items():
        total = np.zeros((len(first), array.shape[1]), np.float32)
        np.add.at(total, member, array[rows])
        merged[name] = total / np.maximum(total.sum(axis=1, keepdims=True), 1e-6)
    return Part(faces.pixels[rows[first]], merged, rows[first])
