"""From ten people's votes to one label: FER+'s rules, by which `mien bench --accuracy` and training both judge.

Source: Barsoum et al. 2016, arXiv:1608.01041, and the rules of its authors' published code.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.model.labels import FERPLUS

UNLABELLED = -1
"""The index of a face without a label."""
TIE_RULE = (
    "single votes are dropped; the winner needs more than half of the votes that remain; "
    "faces won by unknown or NF, or by nobody, are left out"
)


def counted(votes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Votes with those dropped that stand alone: an outlier, not an opinion."""
    return np.where(votes <= 1, 0, votes).astype(np.float32)


def majority(votes: NDArray[np.uint8]) -> NDArray[np.int8]:
    """The winner among the eight emotions for every row, UNLABELLED where there is none.

    votes: shape (n, 10), the last two unknown and NF (no face). Returns int8, shape (n,), indices into FERPLUS.
    """
    kept = counted(votes)
    winner = kept.argmax(axis=1)
    wins = (kept.max(axis=1) * 2 > kept.sum(axis=1)) & (winner < len(FERPLUS))
    return np.where(wins, winner, UNLABELLED).astype(np.int8)
