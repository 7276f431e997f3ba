"""Distillation: a student learns what its teacher says, whatever the labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("keras")

import keras

from edge.errors import ConfigError, ModelError
from edge.model.labels import FER2013
from training import predictor
from training.dataset import Faces
from training.distil import SoftTargets, digests, read_soft, softened, teach, write_soft
from training.fit import fit
from training.models import build_model, one_head
from training.predictor import Predictor, open_panel, open_predictor
from training.recipe import DistilConfig, ModelConfig, parse_recipe
from training.splits import is_training, split


def sided(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scores that depend on the side a face shows: all on the first label if its left is the brighter half."""
    left = pixels[:, :, :24].mean(axis=(1, 2)) > pixels[:, :, 24:].mean(axis=(1, 2))
    return np.eye(len(FER2013), dtype=np.float32)[np.where(left, 0, 1)]


@pytest.fixture
def teacher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.predictor.open_predictor", lambda _: Predictor(FER2013, sided))


@pytest.mark.usefixtures("teacher")
def test_a_teacher_sees_every_picture_as_it_is_and_mirrored(faces: Faces) -> None:
    said = teach(["any"], faces).of(faces.pixels)["fer2013"]
    assert said == pytest.approx((sided(faces.pixels) + sided(faces.pixels[:, :, ::-1])) / 2)


@pytest.mark.usefixtures("teacher")
def test_the_order_of_the_data_is_free(faces: Faces, tmp_path: Path) -> None:
    write_soft(tmp_path / "soft.npz", teach(["any"], faces))
    soft = read_soft(tmp_path / "soft.npz")
    turned = soft.of(faces.pixels[::-1])["fer2013"]
    assert np.array_equal(turned[::-1], soft.of(faces.pixels)["fer2013"])


@pytest.mark.usefixtures("teacher")
def test_a_face_that_was_not_taught_is_counted(faces: Faces) -> None:
    soft = teach(["any"], faces.take(np.arange(5)))
    with pytest.raises(ConfigError, match=r"2 of 7 training faces"):
        soft.of(faces.pixels[:7])


def test_targets_hold_the_teachers_share() -> None:
    targets = {"fer2013": np.eye(7, dtype=np.float32)[:1], "ferplus": np.eye(8, dtype=np.float32)[:1]}
    said = {"fer2013": np.array([[0.0, 0.8, 0.2, 0, 0, 0, 0]], np.float32)}
    mixed = softened(targets, said, DistilConfig(weight=0.25))
    assert mixed["fer2013"][0] == pytest.approx([0.75, 0.2, 0.05, 0, 0, 0, 0], abs=1e-6)
    assert mixed["ferplus"] is targets["ferplus"]


def test_a_temperature_flattens() -> None:
    said = {"fer2013": np.array([[0.9, 0.1, 0, 0, 0, 0, 0]], np.float32)}
    targets = {"fer2013": np.zeros((1, 7), np.float32)}
    warm = softened(targets, said, DistilConfig(weight=1, temperature=2))["fer2013"][0]
    assert warm[0] / warm[1] == pytest.approx(3, rel=1e-3)
    assert warm.sum() == pytest.approx(1)


RECIPE = """
name = "student"
[model]
size = "small"
dropout = 0.0
[loss]
label_smoothing = 0.0
[distil]
weight = 1.0
[train]
epochs = 6
batch_size = 16
learning_rate = 0.02
warmup_epochs = 0.5
ema = 0.0
precision = "float32"
"""


def test_a_student_learns_from_its_teacher_alone(faces: Faces, tmp_path: Path) -> None:
    own = faces.take(is_training(faces))
    keys, first = np.unique(digests(own.pixels), return_index=True)
    wrong = np.eye(7, dtype=np.float16)[(own.emotions[first] + 1) % 7]
    model = fit(
        parse_recipe(RECIPE, "r"), split(faces), tmp_path, teacher=SoftTargets(keys, {"fer2013": wrong}), tell=str
    )
    outputs = np.asarray(model(own.pixels[..., np.newaxis].astype(np.float32) / 255)).argmax(axis=1)
    assert (outputs == (own.emotions + 1) % 7).mean() > (outputs == own.emotions).mean()


def test_a_recipe_and_a_teacher_belong_together(faces: Faces, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"distil\.weight"):
        fit(parse_recipe(RECIPE, "r"), split(faces), tmp_path, tell=str)


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "soft.npz"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="no file of mien-train teach"):
        read_soft(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.npz: cannot be read: No such file"):
        read_soft(tmp_path / "gone.npz")


def test_the_heads_of_one_training_are_computed_together_and_say_what_each_says_alone(
    faces: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        model = build_model(ModelConfig(family="compact", size="small"), {"fer2013": 7, "ferplus": 8})
        for head in ("fer2013", "ferplus"):
            path = tmp_path / f"{head}-{seed}.keras"
            one_head(model, head).save(path)
            names.append(str(path))
    apart = [open_predictor(name) for name in names]
    calls: list[int] = []
    compute = predictor._outputs
    monkeypatch.setattr(predictor, "_outputs", lambda *given: calls.append(1) or compute(*given))
    said = open_panel(names)(faces.pixels[:9])
    assert len(calls) == 2
    for one in apart:
        wanted = one.scores(faces.pixels[:9])
        assert any(labels == one.labels and scores == pytest.approx(wanted, abs=1e-5) for labels, scores in said)
