from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_flatbuffer import tiny_flatbuffer

from converters.candidate import as_scores
from converters.layers import CLEAN_DB, decibel
from converters.repack import pack_model, unpack_model

Refused = Callable[..., str]
FER2013 = ("--labels", "fer2013")


def test_a_faithful_conversion_passes_and_names_the_layer_that_hurts_most(
    run: Any, models: Path, samples: Path, converted: Path
) -> None:
    status, out, err = run(
        "verify", converted, "--against", models / "classifier.keras", "--data", samples, *FER2013
    )
    assert (status, err) == (0, "")
    assert out.startswith(f"40 samples of {samples}\nsame best label: ")
    assert "40 labelled samples" in out
    assert "the layer that adds most noise: " in out
    assert out.endswith("every limit holds\n")


def test_json_holds_every_figure(run: Any, models: Path, samples: Path, converted: Path) -> None:
    options = ("--against", models / "saved", "--data", samples, "--json", *FER2013)
    status, out, _ = run("verify", converted, *options)
    verdict = json.loads(out)
    assert status == 0
    assert verdict["n"] == verdict["labelled"] == 40
    assert verdict["agreement"] >= 0.97
    assert 0 < verdict["mean_difference"] <= verdict["largest_difference"] < 0.1
    assert verdict["source_accuracy"] == pytest.approx(verdict["accuracy"], abs=0.05)
    assert [output["shape"] for output in verdict["outputs"]] == [[7]]
    names = {layer["operator"]: layer["sqnr_db"] for layer in verdict["layers"]}
    assert set(names) >= {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
    assert min(names.values()) > 20


def test_the_main_figures_are_written_for_the_manifest(
    run: Any, models: Path, samples: Path, converted: Path, tmp_path: Path
) -> None:
    metrics = tmp_path / "conversion.json"
    options = ("--against", models / "saved", "--data", samples, "--metrics", metrics, *FER2013)
    run("verify", converted, *options)
    figures = json.loads(metrics.read_bytes())
    assert figures["data"] == samples.name
    assert figures["n"] == 40
    assert figures["agreement"] >= 0.97
    assert str(tmp_path) not in metrics.read_text()


def hurt(content: bytes) -> bytes:
    """The depthwise layer's output scale far too coarse, as a bad calibration leaves it."""
    model = unpack_model(content)
    for tensor in model.subgraphs[0].tensors:
        hurts = b"depth_relu" in tensor.name and list(tensor.shape) == [1, 8, 8, 8]
        if hurts or b"Reshape" in tensor.name:  # which hands on what it is given
            tensor.quantization.scale = [tensor.quantization.scale[0] * 40]
    return pack_model(model)


def test_a_layer_that_hurts_is_named_and_the_limit_fails(
    run: Any, models: Path, samples: Path, converted: Path, tmp_path: Path
) -> None:
    path = tmp_path / "hurt.tflite"
    path.write_bytes(hurt(converted.read_bytes()))
    status, out, _ = run("verify", path, "--against", models / "classifier.keras", "--data", samples, *FER2013)
    assert status == 1
    failures = [line for line in out.splitlines() if line.startswith("failed: ")]
    assert failures
    assert "the layer that hurts: " in failures[-1]
    assert "depth_relu" in failures[-1]


@pytest.mark.parametrize(
    ("limit", "failure"),
    [
        (("--min-agreement", "1", "--max-mean-difference", "0"), "mean difference"),
        (("--max-accuracy-drop", "-1"), "accuracy drop"),
    ],
)
def test_a_limit_that_does_not_hold_ends_with_status_1(
    limit: tuple[str, ...], failure: str, run: Any, models: Path, samples: Path, converted: Path
) -> None:
    options = ("--against", models / "saved", "--data", samples, *FER2013)
    status, out, _ = run("verify", converted, *options, *limit)
    assert status == 1
    assert f"failed: {failure}" in out


def test_a_second_best_file_is_compared_by_the_same_pictures(
    run: Any, models: Path, samples: Path, tmp_path: Path
) -> None:
    path = tmp_path / "half.tflite"
    run("to-int8", models / "saved", "--out", path, "--precision", "float16", "--range=-1,1")
    options = ("--against", models / "saved", "--data", samples, "--range=-1,1", *FER2013, "--json")
    status, out, err = run("verify", path, *options)
    assert (status, err) == (0, "")
    assert json.loads(out)["agreement"] == 1.0


def test_another_model_is_no_source(refused: Refused, models: Path, samples: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.tflite"
    path.write_bytes(tiny_flatbuffer(side=16, outputs=5))
    line = refused("verify", path, "--against", models / "saved", "--data", samples)
    assert line == f"{path}: an output of shape (5,), its source has (7,)"


def test_labels_that_do_not_fit_are_refused(refused: Refused, models: Path, samples: Path, converted: Path) -> None:
    options = (converted, "--against", models / "saved", "--data", samples, "--labels")
    assert refused("verify", *options, "ferplus") == "8 labels for 7 outputs: there must be one for each"
    assert "none of its labels is one of the model's" in refused("verify", *options, "a,b,c,d,e,f,g")


def test_a_file_that_is_none_is_refused(refused: Refused, models: Path, samples: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.tflite"
    path.write_bytes(b"hello, this is text")
    assert refused("verify", path, "--against", models / "saved", "--data", samples) == f"{path}: no TFLite file"


def test_decibels_bear_silence_and_perfection() -> None:
    assert decibel(100.0, 1.0) == pytest.approx(20)
    assert decibel(1.0, 0.0) == CLEAN_DB
    assert decibel(0.0, 0.0) == 0.0
    assert decibel(0.0, 1.0) < -100


def test_scores_stay_and_logits_become_scores() -> None:
    scores = np.array([[0.2, 0.8], [0.996, 0.0]], np.float32)
    np.testing.assert_allclose(as_scores(scores, None), scores / scores.sum(axis=1, keepdims=True))
    logits = np.array([[0.0, 5.0], [3.0, -3.0]], np.float32)
    assert as_scores(logits, None)[0, 1] == pytest.approx(1 / (1 + np.exp(-5)), rel=1e-5)
    assert as_scores(scores, "logits")[0, 1] == pytest.approx(1 / (1 + np.exp(-0.6)), rel=1e-5)
