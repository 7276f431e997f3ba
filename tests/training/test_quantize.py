"""Fake quantization: the network stays itself, the converter keeps its scales, calibration moves no answer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras
from click.testing import CliRunner
from train_command import mien_train

from converters.cli import cli as convert_cli
from edge.errors import ConfigError, ModelError
from edge.model.interpreter import Interpreter, dequantize
from edge.model.labels import FER2013
from training.cli import cli
from training.commands.quantize import recipe_of
from training.dataset import Faces
from training.models import build_model, one_head
from training.predictor import Predictor, load_keras, open_predictor
from training.quantize.calibrate import agreement
from training.quantize.graph import folded, observe, with_fake_quantization
from training.quantize.layers import LEVELS, WEIGHT_LEVELS, FakeQuantize, fake_quantize
from training.quantize.tune import Tuning, best_scale, scale_head, tuning_recipe
from training.recipe import ModelConfig, parse_recipe

RECIPE = """
name = "tiny"
[model]
size = "small"
[loss]
fold_prior = 0.3
calibrate = true
[train]
epochs = 1
batch_size = 16
optimizer = "adamw"
learning_rate = 0.003
"""


def pictures(faces: Faces) -> Any:
    return faces.pixels[..., np.newaxis].astype(np.float32) / 255


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory, faces: Faces) -> Path:
    """An untrained small network whose norms have statistics, with its recipe beside it."""
    keras.utils.set_random_seed(4)
    model = one_head(build_model(ModelConfig(size="small"), {"fer2013": 7}), "fer2013")
    for _ in range(3):
        model(pictures(faces), training=True)
    folder = tmp_path_factory.mktemp("parent")
    model.save(folder / "model.keras")
    (folder / "recipe.toml").write_text(RECIPE)
    return folder / "model.keras"


def run(cli: Any, *words: object) -> str:
    result = CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def tuned(parent: Path, npz: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what `mien-train quantize` wrote, and int8.tflite."""
    out = tmp_path_factory.mktemp("tuned")
    told = run(cli, "quantize", parent, "--data", npz, "--out", out, "--epochs", 2, "--lr", 0.0005)
    assert "epoch 2/2" in told
    run(convert_cli, "to-int8", out / "saved_model", "--out", out / "int8.tflite")
    return out


def test_rounding_leaves_256_levels_and_lets_gradients_pass_inside_only() -> None:
    tf = pytest.importorskip("tensorflow")
    values = tf.constant(np.linspace(-3, 3, 2001, dtype=np.float32))
    with tf.GradientTape() as tape:
        tape.watch(values)
        rounded = fake_quantize(values, tf.constant(-1.0), tf.constant(2.0), LEVELS)
    assert len(np.unique(rounded)) == 256
    gradient = tape.gradient(rounded, values).numpy()
    assert gradient[(values.numpy() > -0.95) & (values.numpy() < 1.95)].all()
    assert not gradient[(values.numpy() < -1.05) | (values.numpy() > 2.05)].any()


@pytest.mark.parametrize("levels", [LEVELS, WEIGHT_LEVELS])
def test_every_backend_rounds_as_tensorflows_own_operator(levels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    tf = pytest.importorskip("tensorflow")
    values = tf.constant(np.random.default_rng(0).normal(0, 1, 5000).astype(np.float32))
    ends = tf.constant(-1.5), tf.constant(1.5)
    own = fake_quantize(values, *ends, levels).numpy()
    monkeypatch.setattr(keras.backend, "backend", lambda: "another")
    other = keras.ops.convert_to_numpy(fake_quantize(values, *ends, levels))
    # A value halfway between two levels may go either way.
    assert np.mean(np.abs(own - other) > 1e-5) < 0.002


def test_folding_keeps_the_function(parent: Path, faces: Faces) -> None:
    model = load_keras(parent)
    conv, norm = model.get_layer("stem"), model.get_layer("stem_norm")
    kernel, bias = folded(conv, norm)
    expected = keras.ops.convert_to_numpy(norm(conv(pictures(faces)[:4])))
    made = keras.ops.convert_to_numpy(keras.ops.conv(pictures(faces)[:4], kernel, 2, "same")) + bias
    assert np.allclose(made, expected, atol=1e-4)


def test_the_rounded_network_stays_close_to_its_parent(parent: Path, faces: Faces) -> None:
    model = load_keras(parent)
    rounded = with_fake_quantization(model, "x")
    observe(rounded, pictures(faces))
    before, after = (keras.ops.convert_to_numpy(net(pictures(faces))) for net in (model, rounded))
    noise = np.square(after - before).mean() / np.square(before).mean()
    assert 0 < noise < 0.01


def test_a_range_follows_the_batches_while_training_only(parent: Path) -> None:
    layer = FakeQuantize(momentum=0.5)
    values = np.array([[-1.0, 3.0]], np.float32)
    layer(values, training=False)
    assert float(layer.high) == 0
    layer(values, training=True)
    assert (float(layer.low), float(layer.high)) == (-0.5, 1.5)


def test_the_converter_takes_the_trained_scales(tuned: Path, npz: Path) -> None:
    model = load_keras(tuned / "model.keras")
    int8 = Interpreter((tuned / "int8.tflite").read_bytes(), where="int8")
    assert int8.input["dtype"] == np.uint8
    assert int8.input["quantization"][0] == pytest.approx(1 / 255)
    ends = model.get_layer("fer2013_range")
    assert int8.outputs[0]["quantization"][0] == pytest.approx(float(ends.high - ends.low) / 255, rel=1e-5)
    run(convert_cli, "audit", tuned / "int8.tflite")


def test_the_int8_file_computes_what_was_trained(tuned: Path, faces: Faces) -> None:
    model = load_keras(tuned / "model.keras")
    int8 = Interpreter((tuned / "int8.tflite").read_bytes(), where="int8")
    details = int8.outputs[0]
    expected = keras.ops.convert_to_numpy(model(pictures(faces)))
    said = np.stack(
        [dequantize(int8.invoke(face[np.newaxis, ..., np.newaxis])[0][0], details) for face in faces.pixels]
    )
    assert np.abs(said - expected).mean() < 2 * details["quantization"][0]


def test_a_calibrated_model_answers_the_same_with_other_scores(tuned: Path, npz: Path, tmp_path: Path) -> None:
    common = ["calibrate", tuned / "model.keras", "--int8", tuned / "int8.tflite", "--data", npz]
    told = run(cli, *common, "--out", tmp_path)
    temperature = float(told.split()[1].rstrip(":"))
    run(convert_cli, "to-int8", tmp_path / "saved_model", "--out", tmp_path / "int8.tflite")
    before, after = (
        Interpreter((folder / "int8.tflite").read_bytes(), where="int8").outputs[0]["quantization"]
        for folder in (tuned, tmp_path)
    )
    assert after[0] * temperature == pytest.approx(before[0], rel=1e-3)
    assert after[1] == before[1]
    told = run(cli, *common, "--same-as", tmp_path / "int8.tflite")
    assert "the same answer on all 8 validation faces" in told


def test_which_of_two_files_has_the_truer_scores_is_the_exit_status(
    tuned: Path, npz: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    int8 = tuned / "int8.tflite"
    words = ["calibrate", tuned / "model.keras", "--int8", int8, "--data", npz]
    alike = mien_train(capfd, monkeypatch, *words, "--same-as", int8, "--truer")
    assert alike.status == 3, "a file is no truer than itself"
    assert re.search(r"calibration error (0\.\d{4}) -> \1 \(N = 8, floor 0\.\d{4}\): no truer", alike.out)
    other = mien_train(capfd, monkeypatch, *words, "--same-as", "emotion-fer2013", "--truer")
    assert (other.status, "validation faces get another answer" in other.out) == (3, True)
    alone = mien_train(capfd, monkeypatch, *words, "--out", tuned / "calibrated", "--truer").the_line()
    assert alone == "mien-train: --truer: compares two files: give --same-as FILE, too"
    strange = mien_train(capfd, monkeypatch, *words, "--same-as", "emotion").the_line()
    assert strange == "mien-train: the two models have other labels: 7 and 8"


def test_the_truer_of_two_models_is_the_one_whose_scores_are_right_as_often_as_they_say(faces: Faces) -> None:
    def sure(share: float) -> Predictor:
        scores = np.full(7, (1 - share) / 6, np.float32)
        scores[0] = share
        return Predictor(FER2013, lambda pixels: np.tile(scores, (len(pixels), 1)))

    found = agreement(sure(0.9), sure(0.2), faces)
    assert (found.different, found.truer) == (0, True)
    assert not agreement(sure(0.2), sure(0.9), faces).truer


def test_another_models_answers_are_told_apart(tuned: Path, npz: Path) -> None:
    words = ["calibrate", tuned / "model.keras", "--int8", tuned / "int8.tflite", "--data", npz]
    with pytest.raises(ModelError, match="validation faces get another answer"):
        run(cli, *words, "--same-as", "emotion-fer2013")


def test_a_tuned_model_can_be_evaluated_and_resumed(tuned: Path, parent: Path, npz: Path) -> None:
    assert open_predictor(str(tuned / "model.keras")).labels[0] == "anger"
    words = ["quantize", parent, "--data", npz, "--out", tuned, "--lr", 0.0005]
    with pytest.raises(ConfigError, match="--resume goes on with it"):
        run(cli, *words, "--epochs", 2)
    with pytest.raises(ModelError, match="was made by another recipe"):
        run(cli, *words, "--epochs", 3, "--resume")


def test_a_layer_that_cannot_be_tuned_is_named() -> None:
    model = build_model(ModelConfig(family="xception"), {"fer2013": 7})
    with pytest.raises(
        ModelError, match=r"x\.keras: layer separable_conv2d\w* \(SeparableConv2D\): cannot be tuned"
    ):
        with_fake_quantization(one_head(model, "fer2013"), "x.keras")


def test_a_softmax_is_refused() -> None:
    model = build_model(ModelConfig(family="sequential", output="softmax"), {"fer2013": 7})
    with pytest.raises(ModelError, match="layer fer2013: activation softmax: must be one of linear, relu"):
        with_fake_quantization(one_head(model, "fer2013"), "x.keras")


def test_the_classic_network_can_be_tuned_too(faces: Faces) -> None:
    model = one_head(build_model(ModelConfig(family="sequential"), {"fer2013": 7}), "fer2013")
    rounded = with_fake_quantization(model, "x.keras")
    observe(rounded, pictures(faces)[:16])
    names = {layer.name for layer in rounded.layers if isinstance(layer, FakeQuantize)}
    assert len(names) == 1 + 4 + 2, "the picture, four convolutions, two dense layers; pooling keeps a range"


def test_scaling_a_head_scales_its_logits(parent: Path, faces: Faces) -> None:
    model = with_fake_quantization(load_keras(parent), "x")
    observe(model, pictures(faces))
    before = keras.ops.convert_to_numpy(model(pictures(faces)[:8]))
    scale_head(model, 0.25)
    assert np.allclose(keras.ops.convert_to_numpy(model(pictures(faces)[:8])), 0.25 * before, atol=1e-5)


def test_the_scale_that_a_calibration_took_is_found_again() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (4000, 7)).astype(np.float32)
    targets = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert best_scale(logits / 2, np.zeros(7, np.float32), targets) == pytest.approx(2, rel=0.02)


def test_what_was_folded_into_the_bias_stands_in_the_loss_while_tuning() -> None:
    recipe = tuning_recipe(parse_recipe(RECIPE, "x.toml"), Tuning(epochs=1))
    assert (recipe.loss.logit_adjustment, recipe.loss.fold_prior, recipe.loss.calibrate) == (0.3, 0.0, False)


def test_a_model_whose_recipe_nobody_knows_needs_it_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name one with --recipe"):
        recipe_of(tmp_path / "mine.keras")
