"""The crop contract measured and proved by detectors and classifiers whose answers are known."""

from collections.abc import Callable

import numpy as np
import pytest

from edge.messages import Box, Face
from training.detector import crops
from training.detector.crops import measure_crop, prove_crop
from training.detector.scenes import fit_scene, place_face, plain_scene

WHITE = np.full((48, 48), 255, np.uint8)
BLACK = np.zeros((48, 48), np.uint8)


class Told:
    """Finds the placed square, told to it in secret, as `box_of` draws it; and something else, with more score."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, box_of: Callable[[Box], Box | None]) -> None:
        self.box_of = box_of
        self.square = Box(0, 0, 1, 1)
        monkeypatch.setattr(crops, "place_face", self.place_face)

    def place_face(
        self, scene: np.ndarray, face: np.ndarray, side_px: int, corner: tuple[int, int]
    ) -> tuple[np.ndarray, Box]:
        picture, self.square = place_face(scene, face, side_px, corner)
        return picture, self.square

    def detect(self, luma: np.ndarray) -> list[Face]:
        found = self.box_of(self.square)
        return [Face(Box(0, 0, 9, 9), 0.99), *([] if found is None else [Face(found, 0.8)])]


class Brightness:
    """Says "light" or "dark" of a crop's mean."""

    labels = ("dark", "light")

    def classify(self, luma: np.ndarray, box: Box) -> np.ndarray:
        x_min, y_min, x_max, y_max = box.as_pixels()
        return self.classify_crop(luma[y_min:y_max, x_min:x_max])

    def classify_crop(self, crop: np.ndarray) -> np.ndarray:
        light = float(crop.mean()) / 255
        return np.array([1 - light, light], np.float32)


def test_a_placed_face_stands_where_it_was_put_and_fades_into_the_scene() -> None:
    scene = plain_scene((200, 150), 10)
    picture, square = place_face(scene, WHITE, 60, (70, 45))
    assert square == Box(70, 45, 130, 105)
    assert (picture[45:105, 70:130] == 255).all()
    assert (scene == 10).all()
    assert (picture[:20] == 10).all()
    steps = np.abs(np.diff(picture[75].astype(int)))
    assert steps.max() < 40  # no seam


def test_a_face_at_the_edge_of_the_scene_keeps_to_it() -> None:
    picture, _ = place_face(plain_scene((80, 60), 0), WHITE, 60, (20, 0))
    assert picture.shape == (60, 80)
    assert (picture[:, 20:] == 255).all()


@pytest.mark.parametrize("shape", [(30, 90), (900, 300), (240, 320)])
def test_a_photo_covers_the_scene_without_being_distorted(shape: tuple[int, int]) -> None:
    assert fit_scene(np.full(shape, 7, np.uint8), (320, 240)).shape == (240, 320)


def drawn(square: Box) -> Box:
    """A detector's convention: narrower than the crop, and further down."""
    side = square.width
    x_min, x_max = square.x_min + 0.1 * side, square.x_max - 0.1 * side
    return Box(x_min, square.y_min - 0.05 * side, x_max, square.y_max + 0.2 * side)


def test_the_measured_contract_gives_the_placed_crop_back(monkeypatch: pytest.MonkeyPatch) -> None:
    result = measure_crop(Told(monkeypatch, drawn), np.stack([WHITE, BLACK, WHITE]))
    assert (result.placed, result.found) == (3, 3)
    assert result.contract.scale == pytest.approx(0.8)
    for side in (40, 200):
        square = Box(50, 40, 50 + side, 40 + side)
        assert result.contract.square(drawn(square)).iou(square) > 0.99


def test_a_detector_that_finds_no_face_gives_no_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="finds none"):
        measure_crop(Told(monkeypatch, lambda _: None), WHITE[None])


def test_the_detour_counts_a_missed_face_as_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    faces = np.stack([WHITE, BLACK, WHITE, BLACK])
    truths = ["light", "dark", "dark", "dark"]
    scenes = [np.full((60, 80), 90, np.uint8)]
    all_found = Told(monkeypatch, lambda square: square)
    none_found = Told(monkeypatch, lambda _: None)
    proof = {"classifier": Brightness(), "faces": faces, "truths": truths, "scenes": scenes, "sides_px": (40, 90)}
    (found, _) = prove_crop(detector=none_found, **proof)
    assert (found.side_px, found.faces, found.found, found.direct, found.detour) == (40, 4, 0, 0.75, 0)
    monkeypatch.setattr(crops, "place_face", all_found.place_face)
    for size in prove_crop(detector=all_found, **proof):
        assert (size.found, size.direct, size.detour, size.agree) == (1, 0.75, 0.75, 1)


def test_every_size_of_scene_holds_the_face_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = Told(monkeypatch, lambda square: square)
    scenes = [np.full((60, 80), 90, np.uint8)]
    for _ in prove_crop(Brightness(), detector, WHITE[None], ["light"], scenes, scene_size=(320, 240)):
        assert detector.square.x_max <= 320
        assert detector.square.y_max <= 240
