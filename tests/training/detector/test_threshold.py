"""After training, the default threshold means few finds where nobody is."""

from pathlib import Path

import numpy as np
import pytest
from faces import Spots, photo, write_set

from edge.config import DetectConfig
from training.detector.photos import read_photos
from training.detector.threshold import FALSE_PER_SCENE, LARGEST_SHIFT, logit, shift_for, shift_logits


def test_the_strongest_false_finds_end_just_below_the_default(tmp_path: Path) -> None:
    few = int(1 / FALSE_PER_SCENE)
    scenes = {f"{n:03}.png": (photo(320, 64, [(60, 32, 14)] if n < 5 else []), []) for n in range(few)}
    write_set(tmp_path / "scenes", scenes)
    found = 29 / 40  # what Spots says of a disc with a radius of 14 px
    shift = shift_for(Spots(), read_photos(tmp_path / "scenes"))
    assert logit(found) + shift == pytest.approx(logit(DetectConfig().min_score), abs=0.01)
    assert logit(found) + shift < logit(DetectConfig().min_score)


def test_rounded_logits_move_by_whole_steps(tmp_path: Path) -> None:
    write_set(tmp_path / "scenes", {"a.png": (photo(320, 64, [(60, 32, 14)]), [])})
    scenes, step = read_photos(tmp_path / "scenes"), 0.25
    plain, whole = shift_for(Spots(), scenes), shift_for(Spots(), scenes, step)
    assert whole / step == round(whole / step)
    assert 0 <= plain - whole < step


def test_scenes_without_a_find_move_nothing(tmp_path: Path) -> None:
    write_set(tmp_path / "scenes", {"a.png": (photo(320, 64, []), [])})
    assert shift_for(Spots(), read_photos(tmp_path / "scenes")) == 0


def test_a_shift_is_bounded() -> None:
    assert abs(logit(1.0)) > LARGEST_SHIFT


def test_only_the_logits_of_the_outputs_move() -> None:
    keras = pytest.importorskip("keras")
    from training.detector.model import build_detector
    from training.detector.recipe import Network

    model = build_detector(Network(trunk=(("k8",), ("k8",), ("k8",)), neck=(8, 8, 8), head=False))
    before = [np.array(keras.ops.convert_to_numpy(v)) for v in model.variables]
    shift_logits(model, [0.5, 0.5, 0.5])
    moved = [np.array(keras.ops.convert_to_numpy(v)) - old for v, old in zip(model.variables, before, strict=True)]
    changed = [delta for delta in moved if delta.any()]
    assert len(changed) == 3
    assert all(delta.tolist() == [0.5, 0, 0, 0, 0] for delta in changed)


def test_one_level_can_be_raised_alone() -> None:
    keras = pytest.importorskip("keras")
    from training.detector.model import build_detector
    from training.detector.recipe import Network

    model = build_detector(Network(trunk=(("k8",), ("k8",), ("k8",)), neck=(8, 8, 8), head=False))
    luma = keras.ops.zeros((1, 32, 32, 1))
    before = np.array(keras.ops.convert_to_numpy(model(luma)))[0, 0, 0].reshape(-1, 5)
    shift_logits(model, [0.0, 0.0, 0.5])
    after = np.array(keras.ops.convert_to_numpy(model(luma)))[0, 0, 0].reshape(-1, 5)
    moved = (after - before).round(5)
    assert moved[-1].tolist() == [0.5, 0, 0, 0, 0]  # the coarsest cell stands last
    assert not moved[:-1].any()
