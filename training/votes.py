"""From ten people's votes to a distribution; the one label of most of them has its rules in edge/model/votes.py.

Source: Barsoum et al. 2016, arXiv:1608.01041, and the rules of its authors' published code.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from edge.model.labels import FERPLUS
from edge.model.votes import TIE_RULE, counted, majority

__all__ = ["TIE_RULE", "distribution", "majority"]


def distribution(votes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The share of each emotion among the counted votes; a row of zeros where nobody named an emotion.

    votes: shape (n, 10). Returns float32, shape (n, 8).
    """
    kept = counted(votes)
    emotions = kept[:, : len(FERPLUS)]
    total = emotions.sum(axis=1, keepdims=True)
    # Faces that most people could not read teach nothing but noise.
    readable = total > kept.sum(axis=1, keepdims=True) / 2
    return cast("NDArray[np.float32]", np.where(readable, emotions / np.maximum(total, 1), 0).astype(np.float32))
