"""What only the cascade has: its own boxes and sums, and an OpenCV that may lack it."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.config import DetectConfig
from edge.detect import haar
from edge.errors import MissingPackageError


def test_its_square_becomes_a_box_higher_than_wide_around_nearly_the_same_centre() -> None:
    ((x_min, y_min, x_max, y_max),) = haar.as_faces(np.array([[100.0, 50.0, 200.0, 200.0]]))
    assert (x_min + x_max) / 2 == pytest.approx(200)
    assert (y_min + y_max) / 2 == pytest.approx(150 + 200 * haar.CENTRE_DOWN)
    assert x_max - x_min == pytest.approx(200 * haar.BOX_WIDTH)
    assert y_max - y_min == pytest.approx(200 * haar.BOX_HEIGHT)


def test_more_agreeing_windows_are_a_higher_score_and_all_stay_scores() -> None:
    scores = haar.as_scores(np.arange(1, 1000))
    assert (np.diff(scores) > 0).all()
    assert 0 < scores.min() < 0.1
    assert 0.99 < scores.max() <= 1


def test_an_opencv_without_cascades_is_one_line_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2, "CascadeClassifier")  # as in OpenCV 5
    with pytest.raises(MissingPackageError, match=r"has no Haar cascades: install opencv-python-headless"):
        haar.load(DetectConfig(backend="haar"))


def test_an_opencv_whose_files_are_gone_is_the_same_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cv2.data, "haarcascades", f"{tmp_path}/")
    monkeypatch.setattr(haar, "SYSTEM_FOLDER", tmp_path)
    with pytest.raises(MissingPackageError, match="has no Haar cascades"):
        haar.load(DetectConfig(backend="haar"))
