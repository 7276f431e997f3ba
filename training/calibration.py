"""Which training faces calibrate a quantized model: row numbers, committed, so that a conversion can be repeated.

training/calibration.txt was written by `mien-train calibration-ids` and is read by `mien-convert`.
"""

from __future__ import annotations

import numpy as np

from edge.errors import SourceError
from training.dataset import Faces
from training.splits import is_training, split

COUNT = 420
SEED = 8


def calibration_rows(faces: Faces, count: int = COUNT, seed: int = SEED) -> list[int]:
    """Row numbers within the training split, as many of each label as there are to be had, in ascending order.

    None of them validates, and none has a copy in an evaluation split. Raises SourceError if there are too few.
    """
    rows = split(faces).training.rows
    if len(rows) < count:
        raise SourceError(f"{count} calibration faces are asked for, the training split has {len(rows)}")
    rng = np.random.default_rng(seed)
    # Round robin over the labels: the rare ones must not be missing from what the ranges are taken from.
    queues = [
        list(rng.permutation(rows[faces.emotions[rows] == label])) for label in np.unique(faces.emotions[rows])
    ]
    chosen: list[int] = []
    while len(chosen) < count:
        for queue in queues:
            if queue and len(chosen) < count:
                chosen.append(int(queue.pop()))
    place = np.cumsum(is_training(faces)) - 1
    return sorted(int(place[row]) for row in chosen)


def as_file(rows: list[int], seed: int) -> str:
    """The text of a list of ids, which says how it was made."""
    made = f"mien-train calibration-ids --count {len(rows)} --seed {seed}"
    return f"# Rows of the training split, evenly over the labels: {made}\n" + "".join(f"{row}\n" for row in rows)
