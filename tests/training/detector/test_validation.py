"""The committed list of validation photos: a rule keeps their people and copies out of training."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from faces import photo

from training.detector.photos import read_photos
from training.detector.validation import (
    difference_hash,
    in_share,
    make_list,
    near_duplicates,
    person,
    read_list,
    read_peopled,
    validation_names,
)

FACES = Path(os.environ.get("MIEN_FACES", Path(__file__).resolve().parents[4] / "shared" / "data" / "faces"))


def test_about_a_fifth_of_all_names_is_chosen_always_the_same() -> None:
    chosen = [in_share(f"set/{number}") for number in range(5000)]
    assert 0.18 < np.mean(chosen) < 0.22
    assert chosen == [in_share(f"set/{number}") for number in range(5000)]


@pytest.mark.parametrize(
    ("name", "who"),
    [("test_Abdel_Aziz_Al-Hakim_01.jpg", "Abdel_Aziz_Al-Hakim"), ("training_Bono_3.jpg", "Bono")],
)
def test_a_person_is_what_stands_between_the_split_and_the_number(name: str, who: str) -> None:
    assert person(name) == who


def test_copies_resized_recompressed_or_mirrored_are_one_group() -> None:
    rng = np.random.default_rng(2)
    blurred = [cv2.GaussianBlur(rng.integers(0, 256, (120, 160), np.uint8), (0, 0), 9) for _ in range(3)]
    scenes = [cv2.normalize(scene, None, 0, 255, cv2.NORM_MINMAX) for scene in blurred]
    smaller = cv2.resize(scenes[0], (90, 70), interpolation=cv2.INTER_AREA)
    packed = cv2.imdecode(cv2.imencode(".jpg", scenes[1], [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_GRAYSCALE)
    mirrored = np.ascontiguousarray(scenes[2][:, ::-1])
    photos = [*scenes, smaller, packed, mirrored]
    groups = near_duplicates(list("abcdef"), np.stack([difference_hash(np.asarray(p, np.uint8)) for p in photos]))
    assert groups == ["a", "b", "c", "a", "b", "c"]


def test_the_list_names_photos_of_both_measured_sets_and_of_scenes() -> None:
    sets = {name.split("/")[0] for name in read_list()}
    assert sets == {"mask853", "ytf_keypoints", "caltech101_neg", "haartraining_neg", "imagenet1000_neg"}
    assert photo(4, 4, []).shape == (4, 4)


def test_only_scenes_are_listed_as_peopled_and_no_photo_with_faces_is_lost_by_it() -> None:
    assert {name.split("/")[0] for name in read_peopled()} <= {
        "caltech101_neg",
        "haartraining_neg",
        "imagenet1000_neg",
    }
    assert not any(name.startswith("#") for name in read_peopled())
    lost = read_list() - validation_names()
    assert lost == read_list() & read_peopled()
    assert lost


@pytest.mark.skipif(not FACES.is_dir(), reason=f"no {FACES} (MIEN_FACES names another place)")
def test_the_rule_makes_the_committed_list_and_no_person_stands_on_both_sides() -> None:
    names = read_list()
    assert set(make_list(FACES)) == names
    people = {name.split("/")[1] for name in names if name.startswith("ytf_keypoints/")}
    every = {photo.path.name for photo in read_photos(FACES / "ytf_keypoints")}
    assert not {person(name) for name in people} & {person(name) for name in every - people}
