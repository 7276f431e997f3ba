"""Temperatures: found where they are known, and silent about undecided faces."""

from __future__ import annotations

import numpy as np
import pytest

from edge.model.preprocess import softmax
from training.temperature import fit_temperature


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 2.0])
def test_the_temperature_that_made_the_labels_is_found(true_temperature: float) -> None:
    rng = np.random.default_rng(4)
    logits = rng.normal(0, 2, (20_000, 5)).astype(np.float32)
    shares = softmax(logits / np.float32(true_temperature))
    truth = (shares.cumsum(axis=1) > rng.random((len(shares), 1))).argmax(axis=1)
    targets = np.eye(5, dtype=np.float32)[truth]
    assert fit_temperature(logits, targets) == pytest.approx(true_temperature, rel=0.05)


def test_faces_without_a_majority_do_not_count() -> None:
    logits = np.array([[2.0, 0.0], [0.0, 2.0]], np.float32)
    assert fit_temperature(logits, np.full((2, 2), 0.5, np.float32)) == 1.0
