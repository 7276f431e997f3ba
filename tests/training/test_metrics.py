"""Numbers that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from training.metrics import calibration_error, calibration_floor, measure

LABELS = ("neutral", "happiness", "fear")


def scores_for(said: list[int], top: float = 0.8) -> NDArray[np.float32]:
    scores = np.full((len(said), 3), (1 - top) / 2, np.float32)
    scores[np.arange(len(said)), said] = top
    return scores


def test_scores_by_class_are_those_of_the_confusion_matrix() -> None:
    truth = np.array([0, 0, 0, 0, 1, 1])
    found = measure(scores_for([0, 0, 0, 1, 1, 0]), truth, LABELS)
    assert found.confusion == [[3, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert found.accuracy == pytest.approx(4 / 6)
    assert found.classes["neutral"].precision == pytest.approx(3 / 4)
    assert found.classes["neutral"].recall == pytest.approx(3 / 4)
    assert found.classes["happiness"].f1 == pytest.approx(1 / 2)


def test_means_are_over_the_labels_that_are_shown() -> None:
    found = measure(scores_for([0, 1]), np.array([0, 1]), LABELS)
    assert found.mean_recall == 1
    assert found.macro_f1 == 1
    assert found.classes["fear"].n == 0


def test_always_neutral_has_accuracy_but_no_mean_recall() -> None:
    found = measure(scores_for([0] * 10), np.array([0] * 8 + [1, 2]), LABELS)
    assert found.accuracy == pytest.approx(0.8)
    assert found.mean_recall == pytest.approx(1 / 3)


def test_calibration_error_is_the_distance_from_score_to_share_right() -> None:
    top = np.full(300, 0.9)
    right = np.tile([True, False], 150)
    assert calibration_error(top, right) == pytest.approx(0.4)


def test_the_floor_falls_with_the_number_of_faces() -> None:
    few, many = (calibration_floor(np.full(n, 0.7)) for n in (150, 15000))
    assert 0.05 < few < 0.2
    assert many < 0.02
