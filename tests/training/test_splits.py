"""What trains neither validates nor measures."""

from __future__ import annotations

import numpy as np
import pytest

from edge.errors import SourceError
from training.dataset import Faces
from training.duplicates import duplicate_groups
from training.splits import split, targets_of


def with_copies(faces: Faces, pairs: list[tuple[int, int]]) -> Faces:
    """Row b shows what row a shows, for each (a, b)."""
    pixels = faces.pixels.copy()
    for a, b in pairs:
        pixels[b] = pixels[a]
    return Faces(pixels, faces.emotions, faces.labels, faces.splits, faces.names, faces.votes)


def test_training_and_validation_share_no_picture_with_each_other_or_the_test(faces: Faces) -> None:
    copied = with_copies(faces, [(0, 20), (1, 90), (2, 40), (2, 41)])
    parts = split(copied)
    groups = duplicate_groups(copied.pixels)
    trains, validates = set(groups[parts.training.rows]), set(groups[parts.validation.rows])
    tests = set(groups[copied.splits == "PublicTest"])
    assert not trains & validates
    assert not (trains | validates) & tests
    assert parts.dropped["also in an evaluation split"] == 1


def test_validation_is_a_tenth_without_copies_and_always_the_same(faces: Faces) -> None:
    copied = with_copies(faces, [(n, n + 1) for n in range(0, 40, 2)])
    parts = split(copied)
    groups = duplicate_groups(copied.pixels)[parts.validation.rows]
    assert len(set(groups)) == len(groups) == 6
    assert parts.validation.rows.tolist() == split(copied).validation.rows.tolist()


def test_copies_with_different_labels_teach_the_mean_of_them(faces: Faces) -> None:
    copied = with_copies(faces, [(0, 30)])
    parts = split(copied)
    part = parts.training if 0 in parts.training.rows else parts.validation
    target = part.targets["fer2013"][part.rows.tolist().index(0)]
    assert target[[faces.emotions[0], faces.emotions[30]]].tolist() == [0.5, 0.5]


def test_duplicates_within_training_can_be_kept(faces: Faces) -> None:
    copied = with_copies(faces, [(n, n + 1) for n in range(0, 40, 2)])
    assert len(split(copied, keep_duplicates=True).training) > len(split(copied).training)


def test_targets_are_labels_for_one_head_and_votes_for_the_other(faces: Faces) -> None:
    targets = targets_of(faces)
    assert targets["fer2013"].sum(axis=1).tolist() == [1.0] * len(faces)
    assert targets["ferplus"][0] == pytest.approx([0, 0, 0, 0, 0.2, 0, 0, 0.8])


def test_a_label_that_a_head_lacks_teaches_it_nothing(faces: Faces) -> None:
    labels = (*faces.labels[:6], "contempt")
    odd = Faces(faces.pixels, faces.emotions, labels, faces.splits, faces.names)
    targets = targets_of(odd)
    assert not targets["fer2013"][faces.emotions == 6].any()
    assert targets["ferplus"][faces.emotions == 6].sum() == (faces.emotions == 6).sum()


def test_data_without_a_training_split_are_refused(faces: Faces) -> None:
    with pytest.raises(SourceError, match="no training split: rows are marked PublicTest"):
        split(faces.take(faces.splits == "PublicTest"))


def test_training_that_is_all_in_the_test_is_refused(faces: Faces) -> None:
    twice = Faces(
        np.concatenate([faces.pixels[:7]] * 2),
        np.concatenate([faces.emotions[:7]] * 2),
        faces.labels,
        np.array(["Training"] * 7 + ["PublicTest"] * 7),
        np.concatenate([faces.names[:7]] * 2),
    )
    with pytest.raises(SourceError, match="every training picture also stands in an evaluation split"):
        split(twice)
