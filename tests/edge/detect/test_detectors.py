"""What every detector promises, whatever finds the faces: one convention for boxes, scores and odd frames."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config import DetectConfig
from edge.detect import BACKENDS, Detector, load_detector
from edge.detect.scaling import MAX_FACES
from edge.messages import Box

ROOT = Path(__file__).resolve().parents[3]
PORTRAIT = ROOT / "edge" / "assets" / "portrait.jpg"
FACE = Box(82.7, 56.0, 175.5, 170.4)  # YuNet's box on the colour photograph, to a pixel

MODELS = {
    "yunet": Path(os.environ.get("MIEN_YUNET", ROOT.parent / "shared" / "models" / "yunet_2026may.onnx")),
}


def make(backend: str, **settings: float) -> Detector:
    if backend in MODELS and not MODELS[backend].is_file():
        pytest.skip(f"{backend}: no {MODELS[backend]} (MIEN_YUNET names another place)")
    model = str(MODELS.get(backend, ""))
    return load_detector(DetectConfig(backend=backend, model=model, **settings))  # type: ignore[arg-type]


def portrait() -> np.ndarray:
    luma = cv2.imread(str(PORTRAIT), cv2.IMREAD_GRAYSCALE)
    assert luma is not None
    return luma


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return request.param


def test_a_portrait_holds_one_face_in_the_one_box_convention(backend: str) -> None:
    (face,) = make(backend).detect(portrait())
    assert face.box.iou(FACE) > 0.7
    assert 0.6 <= face.score <= 1


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (19, 19), (31, 33), (64, 500), (240, 320)])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_an_empty_frame_of_any_size_holds_no_face(backend: str, size: tuple[int, int], value: int) -> None:
    assert make(backend).detect(np.full(size, value, np.uint8)) == []


@pytest.mark.parametrize("size", [(2, 9000), (9000, 2), (700, 9000)])
def test_an_endless_strip_is_searched_without_harm(backend: str, size: tuple[int, int]) -> None:
    luma = np.random.default_rng(1).integers(0, 256, size, np.uint8)
    for face in make(backend, width_px=96).detect(luma):
        assert 0 <= face.score <= 1


def test_a_frame_without_a_pixel_is_refused(backend: str) -> None:
    with pytest.raises(ValueError, match="luma frame"):
        make(backend).detect(np.zeros((0, 10), np.uint8))
    with pytest.raises(ValueError, match="luma frame"):
        make(backend).detect(np.zeros((10, 10, 3), np.uint8))


def test_strided_and_read_only_views_give_what_a_copy_gives(backend: str) -> None:
    luma = portrait()
    wide = np.zeros((256, 300), np.uint8)
    wide[:, 20:276] = luma
    colour = np.repeat(luma[:, :, None], 3, axis=2)
    flipped = np.ascontiguousarray(luma[:, ::-1])
    frozen = luma.copy()
    frozen.flags.writeable = False
    detector = make(backend)
    expected = detector.detect(luma)
    for view in (wide[:, 20:276], colour[:, :, 1], flipped[:, ::-1], np.asfortranarray(luma), frozen):
        assert detector.detect(view) == expected


@pytest.mark.parametrize("factor", [2.0, 2.37, 5.0])
def test_boxes_come_back_in_pixels_of_the_frame(backend: str, factor: float) -> None:
    size = round(256 * factor), round(256 * factor)
    luma = np.asarray(cv2.resize(portrait(), size, interpolation=cv2.INTER_CUBIC))
    (face,) = make(backend, width_px=256).detect(luma)
    assert face.box.iou(Box(*(side * factor for side in (FACE.x_min, FACE.y_min, FACE.x_max, FACE.y_max)))) > 0.7


def test_a_face_smaller_than_asked_for_is_left_out(backend: str) -> None:
    assert len(make(backend, min_face_px=90).detect(portrait())) == 1
    assert make(backend, min_face_px=150).detect(portrait()) == []


def test_a_weaker_face_than_asked_for_is_left_out(backend: str) -> None:
    blurred = np.asarray(cv2.GaussianBlur(portrait(), (0, 0), 3))
    every = make(backend, min_score=0).detect(blurred)
    bar = max(face.score for face in every) + 1e-6
    assert make(backend, min_score=min(bar, 1.0)).detect(blurred) == []


def test_faces_are_listed_best_first(backend: str) -> None:
    luma = portrait()
    scene = np.hstack([luma, cv2.GaussianBlur(luma, (0, 0), 2), cv2.GaussianBlur(luma, (0, 0), 3.5)])
    scores = [face.score for face in make(backend, width_px=768, min_score=0.1).detect(scene)]
    assert len(scores) >= 2
    assert scores == sorted(scores, reverse=True)


def test_a_crowd_of_hundreds_is_bounded(backend: str) -> None:
    small = np.asarray(cv2.resize(portrait()[40:190, 55:205], (48, 48), interpolation=cv2.INTER_AREA))
    crowd = np.tile(small, (20, 20))
    faces = make(backend, width_px=960, min_face_px=16, min_score=0).detect(crowd)
    assert 200 <= len(faces) <= MAX_FACES


def test_the_same_frame_gives_the_same_faces_after_frames_of_other_sizes(backend: str) -> None:
    detector = make(backend)
    first = detector.detect(portrait())
    for size in ((33, 47), (480, 640), (640, 480)):
        detector.detect(np.zeros(size, np.uint8))
    assert detector.detect(portrait()) == first


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 2**32 - 1), st.sampled_from(BACKENDS))
def test_noise_of_any_size_gives_finite_boxes(height: int, width: int, seed: int, backend: str) -> None:
    luma = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    for face in make(backend, min_score=0, min_face_px=8).detect(luma):
        assert face.box.area > 0
        assert np.isfinite(face.box.area)
        assert 0 <= face.score <= 1
