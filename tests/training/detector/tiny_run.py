"""A run of the detector's training that takes seconds: its recipe, its material and a stop on the way."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from faces import photo, write_set

from training.detector.material import Material, Picture
from training.detector.photos import Photo, read_photos
from training.detector.recipe import DetectorRecipe, Network, Training

RECIPE = DetectorRecipe(
    name="tiny",
    network=Network(trunk=(("k8",), ("k8",), ("k8",)), neck=(8, 8, 8), head=False),
    train=Training(side_px=64, batch_size=2, steps_per_epoch=2, epochs=2, learning_rate=1e-3, precision="float32"),
)


def made_material() -> Material:
    """Noise with a face in each of three photos, three scenes and four crops."""
    rng = np.random.default_rng(3)
    faces = np.array([[20, 20, 52, 60, 0.9]], np.float32)
    photos = [Picture(rng.integers(0, 256, (80, 80), np.uint8), faces) for _ in range(3)]
    scenes = [rng.integers(0, 256, (90, 100), np.uint8) for _ in range(3)]
    crops = rng.integers(0, 256, (4, 48, 48), np.uint8)
    return Material(photos, scenes, crops, np.tile(np.array([[0.1, 0, 0.9, 1, 0.9]], np.float32), (4, 1)))


def made_validation(folder: Path) -> dict[str, list[Photo]]:
    """A set of one photo, written to a folder that is not there yet."""
    spots = [(30, 30, 12)]
    write_set(folder, {"a.png": (photo(64, 64, spots), spots)})
    return {"set": read_photos(folder)}


def weights(model: object) -> list[np.ndarray]:
    return [np.asarray(array) for array in model.get_weights()]


class StoppedError(Exception):
    """What ends a run between an epoch and its checkpoint."""


def stop_after(lines: int) -> Callable[[str], None]:
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        if len(told) > lines:
            raise StoppedError

    return tell
