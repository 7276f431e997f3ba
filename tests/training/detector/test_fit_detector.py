"""Training the detector, on a network and pictures so small that it takes seconds."""

from pathlib import Path

import numpy as np
import pytest
from faces import photo, write_set
from msgspec import structs

pytest.importorskip("keras")

from edge.errors import ModelError
from training.detector.fit import MODEL, fit_detector
from training.detector.material import Material, Picture
from training.detector.photos import Photo, read_photos
from training.detector.recipe import DetectorRecipe, Network, Training

RECIPE = DetectorRecipe(
    name="tiny",
    network=Network(trunk=(("k8",), ("k8",), ("k8",)), neck=(8, 8, 8), head=False),
    train=Training(side_px=64, batch_size=2, steps_per_epoch=2, epochs=2, learning_rate=1e-3, precision="float32"),
)


@pytest.fixture
def material() -> Material:
    rng = np.random.default_rng(3)
    faces = np.array([[20, 20, 52, 60, 0.9]], np.float32)
    photos = [Picture(rng.integers(0, 256, (80, 80), np.uint8), faces) for _ in range(3)]
    scenes = [rng.integers(0, 256, (90, 100), np.uint8) for _ in range(3)]
    crops = rng.integers(0, 256, (4, 48, 48), np.uint8)
    return Material(photos, scenes, crops, np.tile(np.array([[0.1, 0, 0.9, 1, 0.9]], np.float32), (4, 1)))


@pytest.fixture
def validation(tmp_path: Path) -> dict[str, list[Photo]]:
    spots = [(30, 30, 12)]
    write_set(tmp_path / "set", {"a.png": (photo(64, 64, spots), spots)})
    return {"set": read_photos(tmp_path / "set")}


def weights(model: object) -> list[np.ndarray]:
    return [np.asarray(array) for array in model.get_weights()]


class StoppedError(Exception):
    """What ends a run between an epoch and its checkpoint."""


def stop_after(epochs: int) -> object:
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        if len(told) > epochs:
            raise StoppedError

    return tell


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
