"""The workload: the same everywhere, and it shows what it says."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest

from edge.bench.scenes import FACES, PICTURES, SIZES, SceneSource, make_scene, scene_names
from edge.classify import Classifier
from edge.config import ClassifyConfig
from edge.errors import ConfigError
from edge.model.package import model_path, open_model
from edge.sources import demo

NAMES = scene_names()


def test_there_is_a_scene_of_each_size_and_number_of_faces() -> None:
    assert [f"{width}x{height}-{faces}" for width, height in SIZES for faces in (0, 1, 4, 16)] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_scene_shows_its_faces_whole_and_apart(name: str) -> None:
    scene = make_scene(name)
    assert len(scene.pictures) == len(scene.boxes) == PICTURES
    for picture, boxes in zip(scene.pictures, scene.boxes, strict=True):
        assert picture.dtype == np.uint8
        assert picture.shape == scene.size[::-1]
        assert len(boxes) == scene.faces
        for box in boxes:
            assert box.height == pytest.approx(FACES[scene.faces] * scene.size[1], rel=0.05)
            assert 0 <= box.x_min < box.x_max <= scene.size[0]
            assert 0 <= box.y_min < box.y_max <= scene.size[1]
        assert all(one.iou(other) == 0 for one, other in itertools.combinations(boxes, 2))


def test_a_scene_made_twice_is_the_same() -> None:
    def digest() -> str:
        return hashlib.sha256(
            b"".join(picture.tobytes() for picture in make_scene("320x240-4").pictures)
        ).hexdigest()

    assert digest() == digest()


def test_no_two_pictures_of_a_scene_are_the_same() -> None:
    pictures = [picture.tobytes() for picture in make_scene("320x240-0").pictures]
    assert len(set(pictures)) == PICTURES


@pytest.mark.parametrize("name", ["320x240-16", "640x480-1"])
def test_the_faces_are_where_it_says_and_smile(name: str) -> None:
    scene = make_scene(name)
    classifier = Classifier(open_model(model_path(ClassifyConfig().model)))
    said = [classifier.labels[int(classifier.classify(scene.pictures[0], box).argmax())] for box in scene.boxes[0]]
    assert said.count(demo.EMOTION) >= 0.9 * len(said)


def test_a_scene_as_a_source_goes_round() -> None:
    scene = make_scene("320x240-1")
    frames = list(itertools.islice(SceneSource(scene), PICTURES + 1))
    assert [frame.sequence for frame in frames] == list(range(PICTURES + 1))
    assert frames[-1].luma is scene.pictures[0]
    assert all(later.time_s > earlier.time_s for earlier, later in itertools.pairwise(frames))


def test_an_unknown_scene_is_named_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="scene 640x480-2: must be one of 320x240-0, "):
        make_scene("640x480-2")
