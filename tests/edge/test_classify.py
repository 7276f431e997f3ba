from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from tiny_flatbuffer import OUTPUTS, SIDE, tiny_flatbuffer, tiny_float_flatbuffer

from edge.classify import Classifier
from edge.errors import ModelError
from edge.messages import Box
from edge.model.interpreter import Interpreter
from edge.model.labels import FER2013
from edge.model.package import Manifest, Model, describe_tensor
from edge.model.preprocess import CropContract, crop_face, softmax

FRAME = np.random.default_rng(5).integers(0, 256, (60, 80)).astype(np.uint8)
BOX = Box(20, 10, 45, 50)


def model(flatbuffer: bytes, activation: Literal["logits", "scores"] = "logits", size_px: int = SIDE) -> Model:
    interpreter = Interpreter(flatbuffer)
    manifest = Manifest(
        name="tiny", version="1", description="", licence="", origin="", sha256="", runtime="", runtime_version="",
        input=describe_tensor(interpreter.input), output=describe_tensor(interpreter.outputs[0]),
        activation=activation, crop=CropContract(size_px=size_px, scale=1.2),
    )  # fmt: skip
    return Model(Path("tiny.tflite"), FER2013, manifest, interpreter)


def test_scores_are_the_softmax_of_the_models_logits_for_the_crop() -> None:
    whole = model(tiny_flatbuffer())
    scores = Classifier(whole).classify(FRAME, BOX)
    crop = crop_face(FRAME, BOX, whole.manifest.crop)
    raw = whole.interpreter.invoke(crop[np.newaxis])[0][0].astype(np.float32)
    scale, zero_point = whole.interpreter.outputs[0]["quantization"]
    np.testing.assert_allclose(scores, softmax((raw - zero_point) * scale), rtol=1e-6)
    assert scores.shape == (OUTPUTS,)
    assert scores.sum() == pytest.approx(1)


def test_a_mirrored_face_is_the_face_of_the_mirrored_frame() -> None:
    classifier = Classifier(model(tiny_flatbuffer()))
    mirrored_box = Box(80 - BOX.x_max, BOX.y_min, 80 - BOX.x_min, BOX.y_max)
    expected = classifier.classify(np.ascontiguousarray(FRAME[:, ::-1]), mirrored_box)
    np.testing.assert_array_equal(classifier.classify(FRAME, BOX, mirrored=True), expected)


def test_a_float_model_sees_the_same_face_as_luma_over_255() -> None:
    real = Classifier(model(tiny_float_flatbuffer())).classify(FRAME, BOX)
    whole = Classifier(model(tiny_flatbuffer())).classify(FRAME, BOX)
    np.testing.assert_allclose(real, whole, atol=0.02)


def test_a_model_that_gives_scores_gets_no_second_softmax() -> None:
    whole = model(tiny_flatbuffer(), activation="scores")
    raw = whole.interpreter.invoke(np.full((1, SIDE, SIDE, 1), 90, np.uint8))[0][0]
    scale, zero_point = whole.interpreter.outputs[0]["quantization"]
    values = (raw.astype(np.float32) - zero_point) * scale
    scores = Classifier(whole).classify_crop(np.full((SIDE, SIDE, 1), 90, np.uint8))
    np.testing.assert_allclose(scores, values / values.sum(), rtol=1e-5)


def test_a_model_of_another_size_than_its_crop_is_refused_in_one_line() -> None:
    with pytest.raises(ModelError, match=r"^tiny\.tflite: input: uint8\(1, 8, 8, 1\): a classifier takes"):
        Classifier(model(tiny_flatbuffer(), size_px=SIDE + 8))
