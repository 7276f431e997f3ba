"""Scores that mean what they say: one temperature for all logits, which changes no answer.

Source: Guo et al. 2017, arXiv:1706.04599.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.model.preprocess import softmax

RANGE = np.geomspace(0.2, 5.0, 321)
"""Temperatures that are tried, one per cent apart."""


def fit_temperature(logits: NDArray[np.float32], targets: NDArray[np.float32]) -> float:
    """The temperature by which logits are to be divided, so that the best score is the share of right answers.

    It has the least Brier score of the best label, which is what the calibration error looks at, too; the
    likelihood of every label would trade that for scores that nobody is told. The truth is the label that has more
    than half of a face's target; faces without one do not count, and where none counts the temperature is 1.
    logits, targets: shape (n, labels).
    """
    decided = targets.max(axis=1) > 0.5
    if not decided.any():
        return 1.0
    logits = logits[decided]
    right = logits.argmax(axis=1) == targets[decided].argmax(axis=1)
    losses = [np.square(softmax(logits / np.float32(t)).max(axis=1) - right).mean() for t in RANGE]
    return float(RANGE[int(np.argmin(losses))])
