"""OpenCV's Haar cascade: nothing to bring along, frontal faces only, and dear for what it finds.

Source: Viola and Jones, 2001; the cascade is Lienhart's frontalface_alt2, which comes with OpenCV 4. On the
training photos at 320 px wide (510 of them, a quarter without a face) it reaches AP 0.44 where
frontalface_default has 0.42 and twice the recall under 64 px; steps of 1.2 instead of 1.1 take 0.6 of the time
and lose 0.03.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge.detect.scaling import Shrunk
from edge.errors import MissingPackageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.config import DetectConfig
    from edge.messages import Face

CASCADE = "haarcascade_frontalface_alt2.xml"
SYSTEM_FOLDER = Path("/usr/share/opencv4/haarcascades")  # where Debian's opencv-data puts them
SCALE_STEP = 1.1
MIN_NEIGHBOURS = 2

# Haar draws a square; this is how YuNet draws the same face, in sides of that square. Medians over the 4,743 faces
# that both found in 7,669 photos of nine public sets, 320 px wide (IoU above 0.3, YuNet's score above 0.6). Half
# of the faces are within 0.04 of them in width, 0.06 in height; the centre is as often left as right of Haar's.
BOX_WIDTH = 0.82
BOX_HEIGHT = 1.09
CENTRE_DOWN = 0.017

# How many overlapping windows agree, as the chance that the box is a face: a logistic fit on the logarithm over 689
# finds in 800 training photos (498 right, IoU above 0.4). Two agree on a face in 23 % of the finds, ten or more in
# 98 %. The cascade's own sums tell less: of frontalface_alt2 they are alike for faces and for what is none.
SCORE_SLOPE = 2.32
SCORE_OFFSET = -3.15


class Haar:
    """Faces by the cascade."""

    def __init__(self, cascade: cv2.CascadeClassifier, config: DetectConfig) -> None:
        self._cascade = cascade
        self._config = config
        self._window_px = max(cascade.getOriginalWindowSize())

    def detect(self, luma: NDArray[np.uint8]) -> list[Face]:
        shrunk = Shrunk(luma, self._config.width_px)
        if min(shrunk.luma.shape) < self._window_px:
            return []
        smallest = max(self._window_px, int(self._config.min_face_px / shrunk.scale_y / BOX_HEIGHT))
        squares, agreeing = self._cascade.detectMultiScale2(
            shrunk.luma, scaleFactor=SCALE_STEP, minNeighbors=MIN_NEIGHBOURS, minSize=(smallest, smallest)
        )
        if len(squares) == 0:
            return []
        return shrunk.faces(as_faces(np.asarray(squares, np.float64)), as_scores(np.ravel(agreeing)), self._config)


def as_faces(squares: NDArray[np.float64]) -> NDArray[np.float64]:
    """The cascade's squares (x, y, side, side) in Mien's box convention: (x_min, y_min, x_max, y_max)."""
    side = squares[:, 2]
    x = squares[:, 0] + side / 2
    y = squares[:, 1] + side / 2 + CENTRE_DOWN * side
    half_width, half_height = BOX_WIDTH * side / 2, BOX_HEIGHT * side / 2
    return np.stack([x - half_width, y - half_height, x + half_width, y + half_height], axis=1)


def as_scores(agreeing: NDArray[Any]) -> NDArray[np.float64]:
    """How many windows agree (1 or more) as scores 0..1."""
    return np.asarray(1 / (1 + np.exp(-(SCORE_SLOPE * np.log(agreeing) + SCORE_OFFSET))), np.float64)


def load(config: DetectConfig) -> Haar:
    """The cascade that OpenCV brings. Raises MissingPackageError where this OpenCV has none."""
    path = find_cascade()
    return Haar(cv2.CascadeClassifier(str(path)), config)


def find_cascade() -> Path:
    """The cascade's file. Raises MissingPackageError."""
    if hasattr(cv2, "CascadeClassifier"):
        bundled = getattr(getattr(cv2, "data", None), "haarcascades", None)
        for folder in (bundled, SYSTEM_FOLDER):
            if folder and (path := Path(folder) / CASCADE).is_file():
                return path
    raise MissingPackageError(
        f'detect.backend = "haar": OpenCV {cv2.__version__} has no Haar cascades: '
        "install opencv-python-headless>=4.11,<5 or choose another backend"
    )
