"""The script that makes the bundled face detector, and what it made."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from converters.audit import audit
from converters.flatbuffer import read_graph
from edge.config import DetectConfig
from edge.detect.luma import FILE, load
from edge.model.package import BUNDLED, prove_model, read_package
from edge.model.preprocess import FER_CROP
from edge.sources.images import read_luma

SCRIPT = Path(__file__).resolve().parents[2] / "converters" / "bundle_face.sh"
FACE = BUNDLED / FILE
bundled = pytest.mark.skipif(not FACE.is_file(), reason="no face detector is good enough to ship yet")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "usage: converters/bundle_face.sh FACES FER [RUNS]"),
        (("/no/such", __file__), "/no/such: no such folder"),
        (("/tmp", "/no/such.npz"), "/no/such.npz: no such file"),
        (("/tmp", __file__), "MIEN_YUNET: must name YuNet's ONNX file, the teacher"),
    ],
)
def test_a_wrong_call_is_one_line(arguments: tuple[str, ...], line: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "MIEN_YUNET"}
    result = subprocess.run([str(SCRIPT), *arguments], capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 2
    assert result.stderr.strip() == f"bundle_face.sh: {line}"


@bundled
def test_the_bundled_detector_proves_itself_and_is_small_and_whole_in_int8() -> None:
    model = prove_model(FACE)
    assert FACE.stat().st_size <= 300_000
    assert model.manifest.activation == "cells"
    assert audit(read_graph(read_package(FACE).flatbuffer, FILE)).problems == ()


@bundled
def test_its_boxes_give_back_the_crop_that_classifiers_learnt_from() -> None:
    crop = prove_model(FACE).manifest.crop
    assert crop.scale == pytest.approx(FER_CROP.scale, abs=0.06)
    assert crop.offset_x == pytest.approx(FER_CROP.offset_x, abs=0.03)
    assert crop.offset_y == pytest.approx(FER_CROP.offset_y, abs=0.03)


@bundled
def test_its_manifest_says_what_was_measured() -> None:
    metrics = prove_model(FACE).manifest.metrics
    assert {"mask853", "ytf_keypoints"} <= metrics.keys()
    assert all(0 < found["ap"] <= 1 and found["faces"] > 0 for found in metrics.values())


@bundled
def test_it_finds_the_portrait_as_it_ships() -> None:
    (face,) = load(DetectConfig()).detect(read_luma(BUNDLED / "portrait.jpg"))
    assert face.score >= DetectConfig().min_score
