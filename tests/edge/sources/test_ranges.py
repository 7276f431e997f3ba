"""The range that a camera sends must not show in what Mien says: 16-235 and 0-255 give the same scores."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.config import Config, SourceConfig
from edge.predict import Predictor
from edge.sources import v4l2
from edge.sources.demo import Scene
from edge.sources.fake import FakeClock, FakeVideoDevice

CONFIG = SourceConfig(kind="v4l2", width=640, height=480, fps=15)


def picture() -> NDArray[np.uint8]:
    """Of the demo, with a face in it."""
    return Scene(SourceConfig()).render(35)


def captured(buffer: NDArray[np.uint8], pixel_format: str) -> NDArray[np.uint8]:
    """What comes out of the source whose camera sends this buffer."""
    device = FakeVideoDevice([buffer], {pixel_format: 30.0})
    source = v4l2.open_device(device, "/dev/video0 (Fake)", CONFIG, FakeClock())
    (frame,) = itertools.islice(source, 1)
    source.close()
    return frame.luma


def limited(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.round(16 + luma / 255 * 219).astype(np.uint8)


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor(Config())


def test_both_ranges_give_the_same_faces_and_scores(predictor: Predictor) -> None:
    luma = picture()
    sent = {
        "GREY": luma,
        "YUYV": np.stack([limited(luma), np.full_like(luma, 128)], axis=2),
        "NV12": np.concatenate([limited(luma), np.full_like(luma[: 480 // 2], 128)]),
        "MJPG": np.asarray(cv2.imencode(".jpg", luma, [cv2.IMWRITE_JPEG_QUALITY, 98])[1], np.uint8),
    }
    seen = {name: predictor.predict(captured(buffer, name)) for name, buffer in sent.items()}
    (full,) = seen["GREY"]
    for name, faces in seen.items():
        (face,) = faces
        assert face.emotion == full.emotion, name
        assert np.allclose(face.box, full.box, atol=6), name
        assert max(abs(face.scores[label] - full.scores[label]) for label in full.scores) < 0.05, name


def test_a_range_that_is_not_widened_would_show(predictor: Predictor) -> None:
    luma = limited(picture())
    assert luma.min() >= 16
    assert captured(np.stack([luma, luma], axis=2), "YUYV").min() < 16
