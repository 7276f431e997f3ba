"""Labelled faces in memory: what every reader gives and every later stage takes."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

FACE_PX = 48
"""The side of a face: FER-2013's own resolution, and the bundled models' input."""

VOTE_COLUMNS = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF",
)  # fmt: skip
"""What FER+'s ten taggers could say, in the order of fer2013new.csv (NF: no face)."""

UNLABELLED = -1


class Faces(Struct, frozen=True, eq=False):
    """Faces and what is said about them; row i of every array is one picture.

    pixels: uint8, shape (n, 48, 48), luma.
    emotions: int8, shape (n,): an index into `labels`, or UNLABELLED.
    labels: the words that `emotions` counts.
    splits: str, shape (n,): the split a row belongs to, as its data set calls it; "" where it names none.
    names: where the row came from: a file, or "row 17" of a table.
    votes: uint8, shape (n, 10), in the order of VOTE_COLUMNS; None where nobody voted.
    skipped: why rows or files were left out, and how many.
    """

    pixels: NDArray[np.uint8]
    emotions: NDArray[np.int8]
    labels: tuple[str, ...]
    splits: NDArray[np.str_]
    names: NDArray[np.str_]
    votes: NDArray[np.uint8] | None = None
    skipped: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Faces:
        """The faces of some rows, by index or mask."""
        votes = None if self.votes is None else self.votes[rows]
        return Faces(
            self.pixels[rows],
            self.emotions[rows],
            self.labels,
            self.splits[rows],
            self.names[rows],
            votes,
            self.skipped,
        )


def join(first: Faces, second: Faces) -> Faces:
    """All rows of both, with the first one's labels; rows whose label it lacks are dropped and counted."""
    index = {label: number for number, label in enumerate(first.labels)}
    table = np.array([index.get(label, UNLABELLED) for label in second.labels] + [UNLABELLED], np.int8)
    emotions = table[second.emotions]
    kept = (emotions != UNLABELLED) | (second.emotions == UNLABELLED)
    skipped = {**first.skipped}
    for reason, count in second.skipped.items():
        skipped[reason] = skipped.get(reason, 0) + count
    for number, label in enumerate(second.labels):
        if label not in index and (lost := int((second.emotions == number).sum())):
            skipped[f"label {label} is none of the model's"] = lost
    votes = None
    if first.votes is not None or second.votes is not None:
        votes = np.concatenate([_votes(first), _votes(second)[kept]])
    return Faces(
        np.concatenate([first.pixels, second.pixels[kept]]),
        np.concatenate([first.emotions, emotions[kept]]),
        first.labels,
        np.concatenate([first.splits, second.splits[kept]]),
        np.concatenate([first.names, second.names[kept]]),
        votes,
        skipped,
    )


def _votes(faces: Faces) -> NDArray[np.uint8]:
    return np.zeros((len(faces), len(VOTE_COLUMNS)), np.uint8) if faces.votes is None else faces.votes
