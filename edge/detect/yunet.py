"""YuNet: a small float detector in ONNX that OpenCV runs. The user brings the file (OpenCV zoo, MIT licence).

Source: Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023. Its boxes are Mien's convention.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge.detect.scaling import Shrunk
from edge.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.config import DetectConfig
    from edge.messages import Face

NMS_IOU = 0.3
SCORE_COLUMN = 14  # x, y, width, height, five landmarks (x, y), score
CANDIDATES = 3000  # before suppression: a face has five to ten
MIN_SIDE_PX = 64
"""A picture whose padding to multiples of 32 leaves one row or column of the coarsest grid makes OpenCV 4.11 read
memory it never wrote and find infinite faces; smaller ones are padded to this."""


class YuNet:
    """Faces by YuNet."""

    def __init__(self, network: cv2.FaceDetectorYN, config: DetectConfig) -> None:
        self._network = network
        self._config = config

    def detect(self, luma: NDArray[np.uint8]) -> list[Face]:
        shrunk = Shrunk(luma, self._config.width_px)
        height, width = shrunk.luma.shape
        # It was trained on colour; three equal channels are what it makes of a grey photo.
        picture = cv2.cvtColor(shrunk.luma, cv2.COLOR_GRAY2BGR)
        if min(height, width) < MIN_SIDE_PX:
            below, right = max(0, MIN_SIDE_PX - height), max(0, MIN_SIDE_PX - width)
            picture = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_CONSTANT)
        self._network.setInputSize(picture.shape[1::-1])
        _, rows = self._network.detect(picture)
        if rows is None:
            return []
        rows = rows[np.isfinite(rows).all(axis=1)]
        x, y, box_width, box_height = rows[:, :4].T
        boxes = np.stack([x, y, x + box_width, y + box_height], axis=1)
        return shrunk.faces(boxes, rows[:, SCORE_COLUMN], self._config)


def load(config: DetectConfig) -> YuNet:
    """YuNet from the file that `detect.model` names. Raises ConfigError or ModelError."""
    if not config.model:
        raise ConfigError(
            'detect.model = "": must name YuNet\'s ONNX file (face_detection_yunet_*.onnx, OpenCV zoo)'
        )
    path = Path(config.model)
    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        network = cv2.FaceDetectorYN.create(
            "onnx",
            content,
            np.zeros(0, np.uint8),
            (MIN_SIDE_PX, MIN_SIDE_PX),
            config.min_score,
            NMS_IOU,
            CANDIDATES,
        )
    except cv2.error as error:
        raise ModelError(
            f"{path}: no ONNX file that OpenCV {cv2.__version__} can load: truncated, or another format"
        ) from error
    try:
        network.detect(np.zeros((MIN_SIDE_PX, MIN_SIDE_PX, 3), np.uint8))
    except cv2.error as error:
        raise ModelError(
            f"{path}: an ONNX file, but not YuNet: it has not the outputs that OpenCV reads"
        ) from error
    return YuNet(network, config)
