"""The protocol on hand-made cases, where the right answer can be worked out on paper."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.messages import Box, Face
from training.detector.boxes import iou_matrix
from training.detector.evaluate import (
    Match,
    average_precision,
    evaluate,
    match,
    recall_by_size,
    summarize,
)
from training.detector.photos import Photo

FACE = [0.0, 0.0, 20.0, 20.0]
FAR = [100.0, 100.0, 130.0, 130.0]


def matched(found: list, scores: list, faces: list, ignored: list | None = None, min_face_px: float = 16) -> Match:
    return match(
        np.array(found, float).reshape(-1, 4),
        np.array(scores, float),
        np.array(faces, float).reshape(-1, 4),
        np.array(ignored or [False] * len(faces), bool),
        min_face_px=min_face_px,
    )


def test_overlap_is_intersection_over_union() -> None:
    a = np.array([[0, 0, 2, 2], [5, 5, 6, 6]], float)
    b = np.array([[1, 0, 3, 2], [0, 0, 2, 2], [9, 9, 9, 9]], float)
    assert iou_matrix(a, b) == pytest.approx(np.array([[1 / 3, 1, 0], [0, 0, 0]]))


def test_a_find_on_a_face_is_right_and_one_beside_it_is_wrong() -> None:
    one = matched([FACE, FAR], [0.9, 0.8], [FACE])
    assert one.right.tolist() == [True, False]
    assert one.taken_at.tolist() == [0.9]


def test_a_second_find_on_a_taken_face_is_wrong() -> None:
    one = matched([FACE, FACE], [0.5, 0.9], [FACE])
    assert one.scores.tolist() == [0.9, 0.5]
    assert one.right.tolist() == [True, False]


def test_a_find_takes_the_face_it_overlaps_most_of_those_left() -> None:
    shifted = [4.0, 0.0, 24.0, 20.0]
    one = matched([FACE, FACE], [0.9, 0.8], [shifted, FACE])
    assert one.right.tolist() == [True, True]
    assert one.taken_at.tolist() == [0.8, 0.9]


@pytest.mark.parametrize(("ignored", "side"), [([True], 20.0), ([False], 15.9)])
def test_an_ignored_or_small_face_is_neither_right_nor_wrong(ignored: list, side: float) -> None:
    face = [0.0, 0.0, side, side]
    one = matched([face], [0.9], [face], ignored)
    assert len(one.scores) == len(one.sizes) == 0
    missed = matched([], [], [face], ignored)
    assert len(missed.sizes) == 0


def test_a_small_find_that_matches_nothing_is_not_counted() -> None:
    assert len(matched([[0, 0, 15, 15]], [0.9], []).scores) == 0
    assert matched([[0, 0, 15, 16]], [0.9], []).right.tolist() == [False]


def test_precision_is_made_monotonous_before_it_is_summed() -> None:
    # Right, wrong, right, of 4 faces: precision 1, 1/2, 2/3 at recall 1/4, 1/4, 1/2.
    assert average_precision(np.array([1, 1, 2]), np.array([0, 1, 1]), 4) == pytest.approx(0.25 + 0.25 * 2 / 3)
    assert average_precision(np.array([1]), np.array([0]), 1) == 1
    assert average_precision(np.zeros(0, int), np.zeros(0, int), 4) == 0


def test_recall_is_read_where_false_boxes_reach_a_tenth_of_the_images() -> None:
    # Ten images, so one false box is allowed: the two right finds before the second false one count.
    empty = [matched([], [], []) for _ in range(8)]
    first = matched([FACE, FAR, FACE], [0.9, 0.8, 0.2], [FACE])
    second = matched([FACE], [0.7], [FACE, [50, 50, 90, 90], [0, 50, 200, 250]])
    result = summarize([first, second, *empty], [0.002, 0.001, 0.003])
    assert (result.images, result.faces) == (10, 4)
    assert result.recall_at_0p1_fp_per_image == 0.5
    assert result.recall_by_size == {"16-32": 1.0, "32-64": 0.0, "128+": 0.0}
    assert result.faces_by_size == {"16-32": 2, "32-64": 1, "128+": 1}
    assert result.p50_ms == 2.0


def test_where_even_the_best_find_is_one_false_box_too_many_recall_is_0() -> None:
    result = summarize([matched([FAR, FACE], [0.9, 0.8], [FACE])], [0.001])
    assert result.recall_at_0p1_fp_per_image == 0
    assert result.recall_by_size == {"16-32": 0.0}


def test_no_photo_and_no_find_give_zeros() -> None:
    assert summarize([], []).ap == 0
    result = summarize([matched([], [], [FACE])], [0.001])
    assert (result.ap, result.recall_at_0p1_fp_per_image) == (0, 0)


def test_ties_count_what_is_right_first() -> None:
    result = summarize([matched([FAR, FACE], [0.5, 0.5], [FACE])], [0.001])
    assert result.ap == 1


def test_a_size_starts_at_its_lower_bound() -> None:
    recall, faces = recall_by_size(np.array([31.9, 32.0, 128.0]), np.array([True, False, True]))
    assert recall == {"16-32": 1.0, "32-64": 0.0, "128+": 1.0}
    assert faces == {"16-32": 1, "32-64": 1, "128+": 1}


def test_photos_are_brought_to_one_width_and_their_faces_with_them(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((100, 200), np.uint8))
    photo = Photo(tmp_path / "a.png", np.array([[20.0, 20.0, 60.0, 60.0]]), np.array([False]))

    class Fake:
        def detect(self, luma: np.ndarray) -> list[Face]:
            assert luma.shape == (50, 100)
            return [Face(Box(10, 10, 30, 30), 0.9)]

    ticks = iter([1.0, 1.25])
    result = evaluate(Fake(), [photo], width_px=100, clock=lambda: next(ticks))
    assert (result.ap, result.faces, result.p50_ms) == (1, 1, 250)
