"""The detector's last epochs with int8's rounding in it: the int8 file is what was trained, at any size."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from msgspec import structs
from tiny_run import RECIPE, StoppedError, made_material, made_validation, stop_after, weights

pytest.importorskip("tensorflow")

import keras

from converters.cli import cli as convert
from converters.flatbuffer import read_graph
from edge.errors import ConfigError, ModelError
from edge.model.interpreter import Interpreter, dequantize
from training.cli import cli
from training.detector.fit import MODEL, fit_detector
from training.detector.floating import FloatDetector
from training.detector.model import build_detector
from training.detector.opening import open_detector
from training.detector.photos import Photo
from training.detector.recipe import DetectorRecipe, Network
from training.quantize.graph import output_step
from training.quantize.layers import FakeQuantize, QuantizedDepthwiseConv2D
from training.quantize.tune import SAVED_MODEL

NETWORK = Network(trunk=(("k8",), ("r8",), ("k8", "w8")), neck=(8, 8, 8), head=False)
TUNING = structs.replace(
    RECIPE,
    network=NETWORK,
    train=structs.replace(RECIPE.train, precision="int8", validate_every=1, warmup_epochs=0.0, ema=0.5),
)


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained detector whose norms have statistics and whose outputs differ from cell to cell."""
    keras.utils.set_random_seed(3)
    model = build_detector(NETWORK)
    seen = np.random.default_rng(0).random((4, 64, 64, 1), np.float32)
    for _ in range(5):
        model(seen, training=True)
    for layer in model.layers:
        if layer.name.endswith("_out"):
            kernel, bias = layer.get_weights()
            layer.set_weights([20 * kernel, bias])
    path = tmp_path_factory.mktemp("parent") / MODEL
    model.save(path)
    return path


@pytest.fixture(scope="module")
def validation(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Photo]]:
    return made_validation(tmp_path_factory.mktemp("validation") / "set")


def tune(folder: Path, validation: dict[str, list[Photo]], recipe: DetectorRecipe = TUNING, **how: Any) -> Any:
    """The validation photos stand for scenes without people, too."""
    how = {"scenes": validation["set"], "tell": lambda _: None, **how}
    return fit_detector(recipe, made_material(), validation, folder, **how)


@pytest.fixture(scope="module")
def run(parent: Path, validation: dict[str, list[Photo]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a whole run, and int8.tflite."""
    folder = tmp_path_factory.mktemp("run")
    tune(folder, validation, start=parent)
    words = ["to-int8", folder / SAVED_MODEL, "--size", "64x64", "--out", folder / "int8.tflite"]
    result = CliRunner().invoke(convert, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return folder


def tuned(run: Path) -> Any:
    return keras.saving.load_model(run / MODEL, compile=False)


@pytest.mark.parametrize(("width", "height"), [(64, 64), (320, 256), (640, 480)])
def test_the_int8_file_says_what_the_tuned_network_says_at_any_size(run: Path, width: int, height: int) -> None:
    model = tuned(run)
    int8 = Interpreter((run / "int8.tflite").read_bytes(), where="int8")
    int8.resize((1, height, width, 1))
    luma = np.random.default_rng(5).integers(0, 256, (1, height, width, 1), np.uint8)
    said = dequantize(int8.invoke(luma)[0], int8.outputs[0])
    expected = keras.ops.convert_to_numpy(model(luma.astype(np.float32) / 255))
    steps = np.abs(said - expected) / output_step(model)
    assert output_step(model) == pytest.approx(int8.outputs[0]["quantization"][0], rel=1e-5)
    assert (steps.max() < 2.5, (steps > 0.5).mean() < 0.05) == (True, True)
    assert said.std() > 2 * output_step(model)


def test_the_converter_finds_the_levels_of_depthwise_kernels(run: Path) -> None:
    content = (run / "int8.tflite").read_bytes()
    graph = read_graph(content, "int8")
    (kernel,) = (graph.tensors[op.inputs[1]] for op in graph.operators if op.name == "DEPTHWISE_CONV_2D")
    (layer,) = (layer for layer in tuned(run).layers if isinstance(layer, QuantizedDepthwiseConv2D))
    limits = keras.ops.convert_to_numpy(layer.limit)[:, 0]
    assert kernel.scales == pytest.approx((limits / 127).tolist(), rel=1e-5)
    rounded = np.rint(keras.ops.convert_to_numpy(layer.kernel)[..., 0] / (limits / 127))
    held = Interpreter(content, every_tensor=True).tensor(kernel.index)
    assert held[0].tolist() == rounded.tolist()


def test_what_is_joined_has_one_range_and_what_moves_none(run: Path) -> None:
    names = {layer.name.removesuffix("_range") for layer in tuned(run).layers if isinstance(layer, FakeQuantize)}
    assert {"picture", "s8_widen_norm", "s8_meet_relu", "s32_w8_1_depth_relu", "cells"} <= names
    assert not any(name.endswith(("_out", "_pack", "_up", "stem")) for name in names)


def test_a_tuned_network_is_measured_as_any_detector(run: Path) -> None:
    luma = np.random.default_rng(5).integers(0, 256, (64, 64), np.uint8)
    opened = open_detector(str(run / MODEL), width_px=320, min_score=0.02)
    assert opened.detect(luma) == FloatDetector(tuned(run), min_score=0.02).detect(luma)


def test_a_stopped_tuning_goes_on_to_what_a_whole_one_reaches(
    run: Path, parent: Path, validation: dict[str, list[Photo]], tmp_path: Path
) -> None:
    with pytest.raises(StoppedError):
        tune(tmp_path, validation, start=parent, tell=stop_after(2))
    resumed = tune(tmp_path, validation, resume=True)
    for one, other in zip(weights(tuned(run)), weights(resumed), strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_a_network_that_is_not_all_there_is_refused(
    parent: Path, validation: dict[str, list[Photo]], tmp_path: Path
) -> None:
    other = structs.replace(TUNING, network=structs.replace(NETWORK, neck=(8, 16, 8)))
    with pytest.raises(ModelError, match=r"face\.keras: fits \d+ of \d+ layers of recipe tiny: all are expected"):
        tune(tmp_path, validation, other, start=parent)


def test_a_tuning_without_a_network_is_told_before_an_old_run_is_lost(tmp_path: Path) -> None:
    (tmp_path / MODEL).write_text("an old run")
    folder = str(tmp_path)
    words = ["fit-detector", "face-int8", "--photos", folder, "--fer", folder, "--labels", folder, "--out", folder]
    with pytest.raises(ConfigError, match=r'train\.precision = "int8" tunes a trained network: --start FILE'):
        CliRunner().invoke(cli, [*words, "--overwrite"], catch_exceptions=False, standalone_mode=False)
    assert (tmp_path / MODEL).read_text() == "an old run"
