"""Training the detector, on a network and pictures so small that it takes seconds."""

from pathlib import Path

import numpy as np
import pytest
from msgspec import structs
from tiny_run import RECIPE, StoppedError, made_material, made_validation, stop_after, weights

pytest.importorskip("keras")

from edge.errors import ModelError
from training.detector.fit import MODEL, fit_detector
from training.detector.material import Material
from training.detector.photos import Photo


@pytest.fixture
def material() -> Material:
    return made_material()


@pytest.fixture
def validation(tmp_path: Path) -> dict[str, list[Photo]]:
    return made_validation(tmp_path / "set")


def test_a_stopped_run_goes_on_to_what_a_whole_one_reaches(
    tmp_path: Path, material: Material, validation: dict[str, list[Photo]]
) -> None:
    whole = fit_detector(RECIPE, material, validation, tmp_path / "whole", tell=lambda _: None)
    with pytest.raises(StoppedError):
        fit_detector(RECIPE, material, validation, tmp_path / "parts", tell=stop_after(1))
    resumed = fit_detector(RECIPE, material, validation, tmp_path / "parts", resume=True, tell=lambda _: None)
    for one, other in zip(weights(whole), weights(resumed), strict=True):
        assert one == pytest.approx(other, abs=1e-6)


def test_a_run_begins_with_the_weights_it_is_given(
    tmp_path: Path, material: Material, validation: dict[str, list[Photo]]
) -> None:
    first = fit_detector(RECIPE, material, validation, tmp_path / "first", tell=lambda _: None)
    still = structs.replace(RECIPE, train=structs.replace(RECIPE.train, epochs=1, learning_rate=1e-9, seed=6))
    begun = {"start": tmp_path / "first" / MODEL, "tell": lambda _: None}
    second = fit_detector(still, material, validation, tmp_path / "second", **begun)
    fresh = fit_detector(still, material, validation, tmp_path / "third", tell=lambda _: None)
    kernels = [number for number, array in enumerate(weights(first)) if array.ndim == 4]
    for number in kernels:
        assert weights(second)[number] == pytest.approx(weights(first)[number], abs=1e-5)
    assert any(np.abs(weights(fresh)[n] - weights(first)[n]).max() > 1e-3 for n in kernels)


def test_a_run_cannot_begin_with_what_is_no_model(tmp_path: Path, material: Material) -> None:
    with pytest.raises(ModelError, match="no such model file"):
        fit_detector(RECIPE, material, {}, tmp_path, start=tmp_path / "gone.keras", tell=lambda _: None)
