"""Folders of pictures, one a class."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.errors import SourceError
from training.dataset import Faces
from training.readers import read_faces
from training.trees import read_tree


def words(faces: Faces) -> list[str]:
    return [faces.labels[n] for n in faces.emotions]


def test_folders_are_mapped_onto_the_vocabulary(write_tree: Callable[..., Path]) -> None:
    faces = read_faces(write_tree("Angry/1.png", "happy/1.jpg", "contempt/1.png", "SURPRISED/1.png"))
    assert sorted(words(faces)) == ["anger", "contempt", "happiness", "surprise"]


def test_split_folders_name_the_splits(write_tree: Callable[..., Path]) -> None:
    faces = read_faces(write_tree("train/fear/1.png", "test/fear/1.png", "train/sad/2.png"))
    assert sorted(zip(faces.splits.tolist(), words(faces), strict=True)) == [
        ("test", "fear"), ("train", "fear"), ("train", "sadness"),
    ]  # fmt: skip


def test_without_split_folders_a_fifth_of_each_class_tests(write_tree: Callable[..., Path]) -> None:
    names = [f"{label}/{n}.png" for label, count in (("fear", 10), ("neutral", 20)) for n in range(count)]
    faces = read_faces(write_tree(*names))
    for label, expected in (("fear", 2), ("neutral", 4)):
        number = faces.labels.index(label)
        assert int(((faces.emotions == number) & (faces.splits == "test")).sum()) == expected
    assert read_faces(write_tree(*names)).splits.tolist() == faces.splits.tolist()


def test_names_as_jaffe_has_them_tell_the_emotion(write_tree: Callable[..., Path]) -> None:
    faces = read_faces(write_tree("KA.AN1.39.png", "KA.HA2.30.png", "YM.NE3.51.png"))
    assert words(faces) == ["anger", "happiness", "neutral"]


def test_colour_of_any_size_becomes_luma_of_48_px(write_tree: Callable[..., Path], tmp_path: Path) -> None:
    import cv2
    import numpy as np

    (tmp_path / "tree" / "fear").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "tree" / "fear" / "wide.png"), np.full((30, 90, 3), (0, 0, 255), np.uint8))
    faces = read_faces(tmp_path / "tree")
    assert faces.pixels.shape == (1, 48, 48)
    assert set(faces.pixels.ravel().tolist()) == {76}


def test_unknown_labels_and_unreadable_pictures_are_left_out_and_counted(write_tree: Callable[..., Path]) -> None:
    root = write_tree("fear/1.png", "boredom/1.png", "boredom/2.png")
    (root / "fear" / "broken.png").write_bytes(b"no picture")
    faces = read_faces(root)
    assert len(faces) == 1
    assert faces.skipped == {
        "label 'boredom' is no emotion of Mien's (first: boredom/1.png)": 2,
        "not a picture that can be read (first: fear/broken.png)": 1,
    }


def test_a_folder_without_a_usable_picture_is_refused(write_tree: Callable[..., Path]) -> None:
    with pytest.raises(
        SourceError, match="not one usable picture in folders named after emotions: label 'boredom'"
    ):
        read_faces(write_tree("boredom/1.png"))


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not one usable picture"):
        read_faces(tmp_path)


def test_pictures_without_a_face_are_left_out_and_counted(write_tree: Callable[..., Path]) -> None:
    root = write_tree("fear/1.png", "fear/2.png", "fear/3.png")
    answers = iter([np.full((48, 48), 9, np.uint8), None, np.full((48, 48), 9, np.uint8)])
    faces = read_tree(root, crop=lambda _: next(answers))
    assert set(faces.pixels.ravel().tolist()) == {9}
    assert faces.skipped == {"no face found (first: fear/2.png)": 1}
