"""Views: teachers judge the very pictures that a training sees, and it learns what they said of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("keras")

from edge.errors import ConfigError, ModelError
from edge.model.labels import FER2013
from training.batches import EpochBatches
from training.dataset import Faces
from training.distil import write_soft
from training.distribute import Worker
from training.fit import fit, learnt_from
from training.predictor import Predictor
from training.recipe import DistilConfig, parse_recipe
from training.splits import split
from training.views import Views, judge, read_teacher, write_views

RECIPE = """
name = "r"
[model]
family = "sequential"
[augment]
mixup = 1.0
cutmix = 1.0
[distil]
weight = 1.0
[train]
epochs = 3
batch_size = 4
learning_rate = 0.01
"""


def by_brightness(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scores that every change of a picture changes."""
    mean = pixels.mean(axis=(1, 2), dtype=np.float32) / 255
    scores = np.zeros((len(pixels), len(FER2013)), np.float32)
    scores[:, 0], scores[:, 1] = mean, 1 - mean
    return scores


@pytest.fixture
def teacher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.predictor.open_predictor", lambda _: Predictor(FER2013, by_brightness))


@pytest.fixture
def views(teacher: None, faces: Faces) -> Views:
    return judge(["any"], parse_recipe(RECIPE, "r"), split(faces).training.pixels, 2, lambda _: None)


def test_every_picture_of_a_training_has_what_the_teacher_says_of_that_very_picture(
    views: Views, faces: Faces
) -> None:
    recipe, pixels = parse_recipe(RECIPE, "r"), split(faces).training.pixels
    targets = {"fer2013": np.full((len(pixels), len(FER2013)), 1 / 7, np.float32)}
    for epoch in range(views.count):
        batches = EpochBatches(
            pixels, targets, recipe.augment, batch_size=4, seed=views.seed, epoch=epoch,
            said=learnt_from(views.of(epoch), recipe.distil),
        )  # fmt: skip
        for number in range(len(batches)):
            pictures, learnt = batches[number]
            seen = np.rint(pictures[..., 0] * 255).astype(np.uint8)
            assert learnt["fer2013"] == pytest.approx(by_brightness(seen), abs=5e-3)
    assert not np.array_equal(views.of(0)["fer2013"], views.of(1)["fer2013"])


def test_the_labels_keep_their_share_of_a_mixed_picture(views: Views, faces: Faces) -> None:
    targets = {"fer2013": np.eye(7, dtype=np.float32)[[2, 3]]}
    learnt = learnt_from(views.of(0), DistilConfig(weight=0.25))(targets, slice(0, 2))["fer2013"]
    assert learnt == pytest.approx(0.75 * targets["fer2013"] + 0.25 * views.of(0)["fer2013"][:2], abs=1e-3)


def test_a_file_of_views_holds_them_all(views: Views, tmp_path: Path) -> None:
    write_views(tmp_path / "views.npz", views)
    read = read_teacher(tmp_path / "views.npz")
    assert isinstance(read, Views)
    assert (read.seed, read.batch_size, read.augment, read.faces) == (
        views.seed, views.batch_size, views.augment, views.faces
    )  # fmt: skip
    assert np.array_equal(read.roots["fer2013"], views.roots["fer2013"])


def test_a_training_goes_round_its_views(views: Views, faces: Faces, tmp_path: Path) -> None:
    lines: list[str] = []
    fit(parse_recipe(RECIPE, "r"), split(faces), tmp_path, teacher=views, tell=lines.append)
    assert views.count < len([line for line in lines if line.startswith("epoch")])


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ("mixup = 0.5", r"\[augment\]"),
        ("batch_size = 2", r"train\.batch_size"),
    ],
)
def test_views_of_another_recipe_are_refused(
    views: Views, faces: Faces, tmp_path: Path, change: str, key: str
) -> None:
    name = change.split(" =", maxsplit=1)[0]
    text = "\n".join(change if line.startswith(name) else line for line in RECIPE.splitlines())
    with pytest.raises(ConfigError, match=f"--teacher: its views are of another {key}"):
        fit(parse_recipe(text, "r"), split(faces), tmp_path, teacher=views, tell=str)


def test_views_of_other_faces_are_refused(views: Views, faces: Faces, tmp_path: Path) -> None:
    fewer = split(faces.take(np.arange(4, len(faces))))
    with pytest.raises(ConfigError, match="another --data"):
        fit(parse_recipe(RECIPE, "r"), fewer, tmp_path, teacher=views, tell=str)


def test_views_and_workers_are_refused(views: Views, faces: Faces, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="for a single worker"):
        fit(parse_recipe(RECIPE, "r"), split(faces), tmp_path, teacher=views, tell=str, worker=Worker(0, 2))


@pytest.mark.parametrize("left", ["seed", "fer2013"])
def test_a_file_that_lacks_something_is_refused(views: Views, tmp_path: Path, left: str) -> None:
    write_views(tmp_path / "whole.npz", views)
    with np.load(tmp_path / "whole.npz") as archive:
        np.savez(tmp_path / "views.npz", **{name: archive[name] for name in archive.files if name != left})
    with pytest.raises(ModelError, match="no file of mien-train teach"):
        read_teacher(tmp_path / "views.npz")


def test_scores_of_faces_as_they_are_still_teach(faces: Faces, teacher: None, tmp_path: Path) -> None:
    from training.distil import SoftTargets, teach

    write_soft(tmp_path / "soft.npz", teach(["any"], faces))
    assert isinstance(read_teacher(tmp_path / "soft.npz"), SoftTargets)
