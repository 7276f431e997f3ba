"""Training: it learns, it resumes where it was, and it stops with a clear word."""

from __future__ import annotations

import errno
import hashlib
import os
import types
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

pytest.importorskip("keras")

import keras
from tiny import tiny_recipe

from edge.errors import ConfigError, ModelError, SinkError
from training.checkpoint import read_checkpoint, write_checkpoint
from training.dataset import Faces
from training.fit import TrainingError, fit
from training.history import read_history
from training.loss import SoftCrossEntropy, adjusted, decided, log_prior
from training.models import build_model
from training.recipe import Recipe, parse_recipe
from training.run import fingerprint
from training.splits import split
from training.weights import take_weights


def tiny(**train: Any) -> Recipe:
    recipe = parse_recipe(tiny_recipe(epochs=2), "tiny.toml")
    return msgspec.structs.replace(recipe, train=msgspec.structs.replace(recipe.train, **train))


def quiet(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def whole(faces: Faces, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of two epochs, without a stop."""
    out = tmp_path_factory.mktemp("whole")
    fit(tiny(), split(faces), out, tell=quiet)
    return out


class PowerCutError(Exception):
    """The end of the world, as far as a run can tell."""


def test_a_stopped_run_resumes_as_if_it_had_not_stopped(faces: Faces, whole: Path, tmp_path: Path) -> None:
    def cut(_: str) -> None:
        raise PowerCutError

    with pytest.raises(PowerCutError):
        fit(tiny(), split(faces), tmp_path, tell=cut)
    assert read_checkpoint(tmp_path / "checkpoint.npz").epoch == 1
    fit(tiny(), split(faces), tmp_path, resume=True, tell=quiet)
    straight, resumed = (read_checkpoint(folder / "checkpoint.npz") for folder in (whole, tmp_path))
    assert [row["loss"] for row in resumed.history] == pytest.approx(
        [row["loss"] for row in straight.history], 1e-5
    )
    for a, b in zip(straight.variables, resumed.variables, strict=True):
        assert np.allclose(a, b, atol=1e-5)
    for a, b in zip(straight.average, resumed.average, strict=True):
        assert np.allclose(a, b, atol=1e-5)


def test_the_result_is_a_float32_model_of_one_head_that_gives_logits(whole: Path) -> None:
    model = keras.saving.load_model(whole / "model.keras", compile=False)
    assert model.input_shape == (None, 48, 48, 1)
    assert model.output_shape == (None, 7)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert model.layers[-1].get_config()["activation"] == "linear"


def test_the_history_has_a_row_for_every_epoch(whole: Path) -> None:
    rows = read_history(whole / "history.csv")
    assert [row["epoch"] for row in rows] == [1, 2]
    assert {"loss", "val_accuracy", "val_accuracy_ferplus", "val_mean_recall", "seconds"} <= set(rows[0])


def test_tensorboard_gets_every_epochs_scalars(faces: Faces, tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    fit(tiny(), split(faces), tmp_path, tell=quiet, tensorboard=True)
    (file,) = (tmp_path / "tensorboard").iterdir()
    found = {}
    for record in tf.data.TFRecordDataset(str(file)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            found[event.step, value.tag] = value.simple_value
    rows = read_history(tmp_path / "history.csv")
    assert {key for _, key in found} == set(rows[0]) - {"epoch"}
    assert [found[step, "loss"] for step in (1, 2)] == pytest.approx([row["loss"] for row in rows], rel=1e-5)


def test_a_run_with_every_way_of_averaging_and_sharpening_ends_and_resumes(faces: Faces, tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    recipe = tiny(swa_epochs=1, sam_rho=0.05)
    fit(recipe, split(faces), tmp_path, tell=quiet)
    assert fit(recipe, split(faces), tmp_path, resume=True, tell=quiet).output_shape == (None, 7)


def test_a_new_setting_leaves_old_recipes_their_fingerprint() -> None:
    """Runs of before it existed must still be resumable; the text is what they were hashed from."""
    text = b'{"name":"x","data":{},"model":{},"augment":{},"loss":{"fold_prior":0.0},"train":{"epochs":2}}'
    recipe = parse_recipe('name = "x"\n[train]\nepochs = 2', "x.toml")
    assert fingerprint(recipe) == hashlib.sha256(text).hexdigest()


def test_a_prior_can_be_folded_in_afterwards(faces: Faces, whole: Path, tmp_path: Path) -> None:
    """A finished run is resumed with nothing left to train, for the bias of its head alone."""
    (tmp_path / "checkpoint.npz").write_bytes((whole / "checkpoint.npz").read_bytes())
    recipe = msgspec.structs.replace(tiny(), loss=msgspec.structs.replace(tiny().loss, fold_prior=0.5))
    parts = split(faces)
    folded = fit(recipe, parts, tmp_path, resume=True, tell=quiet)
    plain = keras.saving.load_model(whole / "model.keras", compile=False)
    change = np.asarray(plain.layers[-1].bias) - np.asarray(folded.layers[-1].bias)
    assert np.allclose(change, 0.5 * log_prior(parts.training.targets["fer2013"]), atol=1e-6)
    assert np.array_equal(np.asarray(plain.layers[-1].kernel), np.asarray(folded.layers[-1].kernel))


def test_the_second_head_is_kept_beside_the_model(whole: Path) -> None:
    model = keras.saving.load_model(whole / "second-ferplus.keras", compile=False)
    assert model.output_shape == (None, 8)


def test_another_recipe_cannot_go_on_with_a_run(faces: Faces, whole: Path) -> None:
    with pytest.raises(ModelError, match="was made by another recipe"):
        fit(tiny(seed=2), split(faces), whole, resume=True, tell=quiet)


def test_there_is_nothing_to_resume_in_an_empty_folder(faces: Faces, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no checkpoint to resume from"):
        fit(tiny(), split(faces), tmp_path, resume=True, tell=quiet)


def test_a_checkpoint_cut_short_is_refused(whole: Path, tmp_path: Path) -> None:
    content = (whole / "checkpoint.npz").read_bytes()
    (tmp_path / "checkpoint.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match="no checkpoint that can be read"):
        read_checkpoint(tmp_path / "checkpoint.npz")


def test_a_full_disk_leaves_the_old_checkpoint(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = read_checkpoint(whole / "checkpoint.npz")
    write_checkpoint(tmp_path / "checkpoint.npz", saved)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SinkError, match=r"checkpoint\.npz: cannot be written: No space left"):
        write_checkpoint(tmp_path / "checkpoint.npz", msgspec.structs.replace(saved, epoch=3))
    assert read_checkpoint(tmp_path / "checkpoint.npz").epoch == 2
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.npz"]


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_the_run(
    faces: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: float
) -> None:
    logs = types.SimpleNamespace(history={"loss": [loss]})
    monkeypatch.setattr(keras.Model, "fit", lambda *_, **__: logs)
    with pytest.raises(TrainingError, match=rf"epoch 1: the loss is {loss}: lower train\.learning_rate"):
        fit(tiny(), split(faces), tmp_path, tell=quiet)
    assert not (tmp_path / "checkpoint.npz").exists()


def test_a_label_without_a_face_is_named(faces: Faces, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="head fer2013: no training face shows disgust"):
        fit(tiny(), split(faces.take(faces.emotions != 1)), tmp_path, tell=quiet)


@pytest.mark.parametrize("key", ["logit_adjustment", "fold_prior", "calibrate"])
def test_what_works_on_logits_is_refused_with_softmax(faces: Faces, tmp_path: Path, key: str) -> None:
    text = f'name = "x"\n[model]\noutput = "softmax"\n[loss]\n{key} = {"true" if key == "calibrate" else 1.0}'
    with pytest.raises(ConfigError, match=f"loss.{key}: works on logits"):
        fit(parse_recipe(text, "x.toml"), split(faces), tmp_path, tell=quiet)


def test_a_start_model_gives_its_weights_where_name_and_shape_agree(whole: Path) -> None:
    model = build_model(tiny().model, {"ferplus": 8, "fer2013": 7})
    taken = take_weights(model, whole / "model.keras")
    weighty = [layer for layer in model.layers if layer.weights]
    assert taken == len(weighty) - 1
    source = keras.saving.load_model(whole / "model.keras", compile=False)
    assert np.array_equal(model.get_layer("fer2013").kernel, source.get_layer("fer2013").kernel)


def test_a_start_model_that_fits_nowhere_is_refused(tmp_path: Path) -> None:
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(tmp_path / "other.keras")
    with pytest.raises(ModelError, match="no layer of it fits"):
        take_weights(build_model(tiny().model, tiny().heads()), tmp_path / "other.keras")


def test_the_loss_has_the_gradient_of_its_weighted_targets() -> None:
    """A target row's sum is the face's weight, so doubling it doubles the gradient."""
    tf = pytest.importorskip("tensorflow")
    logits = tf.constant([[0.3, -1.0, 2.0]])
    target = np.array([[0.2, 0.5, 0.3]], np.float32)
    gradients = []
    for weight in (1.0, 2.0):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = SoftCrossEntropy(np.zeros(3, np.float32))(weight * target, logits)
        gradients.append(tape.gradient(loss, logits).numpy())
    assert np.allclose(gradients[1], 2 * gradients[0], atol=1e-6)
    softmax = np.exp(logits.numpy()) / np.exp(logits.numpy()).sum()
    assert np.allclose(gradients[0], softmax - target, atol=1e-5)


def test_balance_weighs_classes_alike_and_leaves_the_mean_weight_at_1() -> None:
    targets = np.eye(3, dtype=np.float32)[[0] * 8 + [1, 2]]
    loss = msgspec.structs.replace(tiny().loss, balance=1.0, label_smoothing=0.0)
    weights = adjusted(targets, loss).sum(axis=1)
    assert weights.mean() == pytest.approx(1)
    assert weights[:8].sum() == pytest.approx(float(weights[8]), rel=1e-5)


def test_votes_teach_their_winner_alone_where_a_recipe_says_so() -> None:
    targets = {"fer2013": np.full((2, 7), 1 / 7, np.float32), "ferplus": np.zeros((2, 8), np.float32)}
    targets["ferplus"][0, [2, 5]] = 0.7, 0.3
    winner = msgspec.structs.replace(tiny().loss, votes="winner")
    found = decided(targets, winner)
    assert found["ferplus"].tolist() == [np.eye(8)[2].tolist(), [0] * 8], "who said nothing still teaches nothing"
    assert np.array_equal(found["fer2013"], targets["fer2013"]), "labels that people did not vote on stay"
    assert decided(targets, tiny().loss) is targets


def test_a_row_of_zeros_stays_one_when_labels_are_smoothed() -> None:
    assert not adjusted(np.zeros((2, 7), np.float32), tiny().loss).any()


def test_the_loss_of_scores_is_that_of_their_logits() -> None:
    logits = np.array([[0.3, -1.0, 2.0]], np.float32)
    target = np.array([[0.2, 0.5, 0.3]], np.float32)
    of_logits = SoftCrossEntropy(np.zeros(3, np.float32))(target, logits)
    of_scores = SoftCrossEntropy(None)(target, keras.ops.softmax(logits))
    assert float(of_logits) == pytest.approx(float(of_scores), rel=1e-5)
