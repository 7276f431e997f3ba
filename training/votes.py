"""From ten people's votes to one label or a distribution: FER+'s rules.

Source: Barsoum et al. 2016, arXiv:1608.01041, and the rules of its authors' published code.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from edge.model.labels import FERPLUS
from training.dataset import UNLABELLED

TIE_RULE = (
    "single votes are dropped; the winner needs more than half of the votes that remain; "
    "faces won by unknown or NF, or by nobody, are left out"
)


def _counted(votes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Votes with those dropped that stand alone: an outlier, not an opinion."""
    return np.where(votes <= 1, 0, votes).astype(np.float32)


def majority(votes: NDArray[np.uint8]) -> NDArray[np.int8]:
    """The winner among the eight emotions for every row, UNLABELLED where there is none.

    votes: shape (n, 10). Returns int8, shape (n,), indices into edge.model.labels.FERPLUS.
    """
    counted = _counted(votes)
    winner = counted.argmax(axis=1)
    wins = (counted.max(axis=1) * 2 > counted.sum(axis=1)) & (winner < len(FERPLUS))
    return np.where(wins, winner, UNLABELLED).astype(np.int8)


def distribution(votes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The share of each emotion among the counted votes; a row of zeros where nobody named an emotion.

    votes: shape (n, 10). Returns float32, shape (n, 8).
    """
    counted = _counted(votes)
    emotions = counted[:, : len(FERPLUS)]
    total = emotions.sum(axis=1, keepdims=True)
    # Faces that most people could not read teach nothing but noise.
    readable = total > counted.sum(axis=1, keepdims=True) / 2
    return cast("NDArray[np.float32]", np.where(readable, emotions / np.maximum(total, 1), 0).astype(np.float32))
