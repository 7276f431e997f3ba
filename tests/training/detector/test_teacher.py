"""A teacher's views fused: boxes in the photo's pixels, scores that say how many views agree."""

from pathlib import Path

import numpy as np
import pytest
from faces import Spots, photo, write_set

from edge.errors import SourceError
from training.dataset import Faces
from training.detector.labelling import FER, label_fer, label_sets, read_labels
from training.detector.teacher import fuse, label_crop, label_photo


def test_a_face_is_labelled_in_the_photos_own_pixels_whatever_the_views() -> None:
    labels = label_photo(Spots(), photo(100, 80, [(30, 40, 12)]), [100, 200, 300])
    assert labels.boxes.shape == (1, 4)
    assert labels.boxes[0] == pytest.approx([18, 28, 43, 53], abs=1.5)
    assert labels.scores[0] == pytest.approx(0.9, abs=0.01)


def test_an_enlarged_view_shows_what_the_photo_hides() -> None:
    small = photo(100, 80, [(60, 30, 2)])
    assert len(label_photo(Spots(), small, [100]).scores) == 0
    assert len(label_photo(Spots(), small, [300]).scores) == 1


def test_a_face_that_only_one_of_two_views_shows_is_half_as_sure() -> None:
    box = np.array([[0.0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60]])
    labels = fuse(box, np.array([0.8, 0.6, 0.8]), np.array([0, 0, 1]))
    assert labels.scores.tolist() == pytest.approx([0.7, 0.4])
    assert labels.boxes[0, 0] == pytest.approx(0.36 / (0.64 + 0.36))


def test_a_photo_without_a_find_has_no_labels() -> None:
    labels = label_photo(Spots(), photo(64, 64, []), [64])
    assert labels.boxes.shape == (0, 4)


def test_a_crops_face_is_told_in_sides_of_the_crop() -> None:
    face = np.full((48, 48), 120, np.uint8)
    face[12:36, 12:36] = 255
    box, score = label_crop(Spots(), face)
    assert score > 0.5
    assert box == pytest.approx([0.25, 0.25, 0.75, 0.75], abs=0.03)
    assert label_crop(Spots(), np.full((48, 48), 90, np.uint8))[1] == 0


def test_labels_come_back_from_disk_and_a_set_is_labelled_once(tmp_path: Path) -> None:
    spots = [(30, 30, 10), (70, 50, 8)]
    write_set(
        tmp_path / "in" / "people", {"a.png": (photo(100, 80, spots), spots), "b.png": (photo(100, 80, []), [])}
    )
    write_set(tmp_path / "in" / "walls", {"w.png": (photo(60, 60, []), [])})
    out = tmp_path / "out"
    out.mkdir()
    said: list[str] = []
    for _ in range(2):
        label_sets(Spots(), tmp_path / "in", out, [200], tell=said.append)
    assert said == ["people: 2 photos, 2 finds"]
    assert sorted(path.name for path in out.iterdir()) == ["people.npz"]
    labels = read_labels(out / "people.npz")
    assert len(labels["a.png"].boxes) == 2
    assert len(labels["b.png"].boxes) == 0


def test_missing_photos_or_labels_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"holds no folder with a boxes\.csv"):
        label_sets(Spots(), tmp_path, tmp_path, [200], tell=print)
    with pytest.raises(SourceError, match=r"gone\.npz: no labels that can be read"):
        read_labels(tmp_path / "gone.npz")


def test_only_training_faces_of_fer_are_labelled(tmp_path: Path) -> None:
    pixels = np.random.default_rng(4).integers(0, 256, (40, 48, 48), np.uint8)
    splits = np.array(["Training"] * 30 + ["PublicTest"] * 10)
    faces = Faces(pixels, np.zeros(40, np.int8), ("anger",), splits, np.arange(40).astype(str))
    label_fer(Spots(), faces, tmp_path, tell=lambda _: None)
    with np.load(tmp_path / f"{FER}.npz") as arrays:
        assert arrays["boxes"].shape == (len(arrays["rows"]), 4)
        assert len(arrays["rows"]) == 27  # a tenth of the 30 validates
        assert (splits[arrays["rows"]] == "Training").all()
