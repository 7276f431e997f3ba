"""Scenes in which a half-trained network sees faces are shown to it more often."""

import numpy as np
import pytest
from faces import Spots, photo
from msgspec import structs

from training.detector.compose import HARD, cut_scene, draw_scene
from training.detector.material import Material
from training.detector.mining import hardness

SCENES = [photo(100, 80, spots) for spots in ([], [(40, 40, 6)], [(40, 40, 14), (80, 20, 5)], [])]


def test_a_scene_weighs_what_its_worst_find_scores() -> None:
    weights = hardness(Spots(), SCENES)
    assert weights.sum() == pytest.approx(1)
    assert weights[0] == weights[3]
    assert weights[0] < weights[1] < weights[2]
    assert weights[2] / weights[1] == pytest.approx(29 / 13)  # what Spots says of discs 29 and 13 px wide


def test_known_hard_scenes_are_drawn_more_often_but_never_only_they() -> None:
    nobody = np.zeros((0, 48, 48), np.uint8), np.zeros((0, 5), np.float32)
    material = Material([], SCENES, *nobody)
    one = structs.replace(material, hardness=np.array([0.0, 0.0, 1.0, 0.0]))
    rng = np.random.default_rng(7)
    evenly = np.bincount([draw_scene(material, rng) for _ in range(2000)], minlength=4) / 2000
    minded = np.bincount([draw_scene(one, rng) for _ in range(2000)], minlength=4) / 2000
    assert evenly == pytest.approx(np.full(4, 0.25), abs=0.05)
    assert minded[2] == pytest.approx(HARD + (1 - HARD) / 4, abs=0.05)
    assert (minded[[0, 1, 3]] > 0).all()


def test_the_pictures_cut_from_scenes_follow() -> None:
    dark, bright = np.zeros((60, 60), np.uint8), np.full((60, 60), 200, np.uint8)
    nobody = np.zeros((0, 48, 48), np.uint8), np.zeros((0, 5), np.float32)
    material = Material([], [dark, bright], *nobody, hardness=np.array([0.0, 1.0]))
    rng = np.random.default_rng(8)
    share = np.mean([cut_scene(material, (32, 32), rng).mean() > 100 for _ in range(400)])
    assert share == pytest.approx(HARD + (1 - HARD) / 2, abs=0.08)
