"""What each network is: parameters, multiply-adds, and layers that convert."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras")

import keras

from edge.errors import ConfigError, SourceError
from training.models import build_model, multiply_adds, one_head
from training.models import transfer as transfer_module
from training.recipe import ModelConfig

COSTS = [
    ("compact", "default", 897_255, 31_298_880),
    ("compact", "plain", 892_375, 28_064_064),
    ("compact", "wide", 665_855, 43_108_736),
    ("compact", "small", 588_119, 9_512_256),
    ("compact", "teacher", 3_555_751, 112_087_680),
    ("compact", "teacher-full", 3_565_095, 117_893_760),
    ("compact", "teacher-fine", 2_780_231, 236_263_168),
    ("trial", "small", 588_119, 9_512_256),
    ("sequential", "default", 2_345_607, 77_326_464),
    ("xception", "default", 58_423, 5_520_448),
    ("faceresnet", "default", 4_393_223, 145_923_840),
    ("faceresnet", "normed", 4_405_383, 145_923_840),
    ("transfer", "mobilenetv2", 2_266_951, 55_018_112),
    ("transfer", "vgg16", 14_718_279, 704_695_808),
    ("transfer", "resnet50v2", 23_579_143, 639_236_096),
]


@pytest.mark.parametrize(("family", "size", "parameters", "cost"), COSTS)
def test_parameters_and_multiply_adds_are_as_documented(family: Any, size: str, parameters: int, cost: int) -> None:
    model = build_model(ModelConfig(family=family, size=size), {"fer2013": 7})
    assert (model.count_params(), multiply_adds(model)) == (parameters, cost)


def test_wider_and_deeper_cost_the_same_and_finer_maps_have_no_more_parameters() -> None:
    found = {
        size: build_model(ModelConfig(family="trial", size=size), {"fer2013": 7})
        for size in ("small", "wider", "deeper", "finer-maps")
    }
    assert multiply_adds(found["wider"]) == pytest.approx(multiply_adds(found["deeper"]), rel=0.02)
    assert found["finer-maps"].count_params() == found["small"].count_params()


def test_other_blocks_are_compared_at_about_equal_instructions() -> None:
    def instructions(size: str) -> float:
        model, total = build_model(ModelConfig(family="trial", size=size), {"fer2013": 7}), 0.0
        for layer in model.layers:
            if isinstance(layer, keras.layers.DepthwiseConv2D | keras.layers.Conv2D):
                dense = not isinstance(layer, keras.layers.DepthwiseConv2D)
                earned = 1.35 if not dense else 3.1 if layer.kernel_size == (1, 1) else 3.6
                total += np.prod(layer.output.shape[1:3]) * np.prod(layer.kernel.shape) / earned
        return total

    for size in ("separable", "fused"):
        assert instructions(size) == pytest.approx(instructions("small"), rel=0.05)


def test_our_family_has_only_layers_that_int8_runs_well() -> None:
    model = build_model(ModelConfig(dropout=0.2), {"fer2013": 7})
    kinds = {type(layer).__name__ for layer in model.layers}
    assert kinds == {
        "InputLayer", "Conv2D", "BatchNormalization", "ReLU", "Add", "GlobalAveragePooling2D", "Dropout", "Dense",
    }  # fmt: skip


def test_heads_share_a_trunk_and_one_can_be_taken_alone() -> None:
    model = build_model(ModelConfig(), {"fer2013": 7, "ferplus": 8})
    faces = np.random.default_rng(0).random((2, 48, 48, 1), np.float32)
    both = model.predict_on_batch(faces)
    alone = one_head(model, "ferplus").predict_on_batch(faces)
    assert both["fer2013"].shape == (2, 7)
    assert np.array_equal(both["ferplus"], alone)


def test_outputs_are_logits_unless_a_recipe_asks_for_softmax() -> None:
    faces = np.random.default_rng(0).random((3, 48, 48, 1), np.float32)
    for family in ("sequential", "xception"):
        scores = build_model(ModelConfig(family=family, output="softmax"), {"fer2013": 7})  # type: ignore[arg-type]
        assert np.allclose(scores.predict_on_batch(faces)["fer2013"].sum(axis=1), 1, atol=1e-5)
    logits = build_model(ModelConfig(), {"fer2013": 7}).predict_on_batch(faces)["fer2013"]
    assert not np.allclose(logits.sum(axis=1), 1, atol=1e-3)


@pytest.mark.parametrize("family", ["compact", "trial", "sequential", "xception", "transfer", "faceresnet"])
def test_an_unknown_size_is_refused(family: Any) -> None:
    with pytest.raises(ConfigError, match=r'model\.size = "huge"'):
        build_model(ModelConfig(family=family, size="huge"), {"fer2013": 7})


def test_unreachable_imagenet_weights_are_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(**_: object) -> None:
        raise Exception("URL fetch failure on\nhttps://example.invalid")  # noqa: TRY002 as Keras does

    monkeypatch.setattr(keras.applications, "MobileNetV2", unreachable)
    with pytest.raises(SourceError, match=r"cannot be fetched .*give --weights none") as caught:
        transfer_module.build(ModelConfig(family="transfer", size="mobilenetv2", weights="imagenet"))
    assert "\n" not in str(caught.value)
