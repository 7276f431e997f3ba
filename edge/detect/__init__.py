"""Finding faces. One backend a file; the file's name is the value of `detect.backend`.

A backend module has one function:

    load(config: DetectConfig) -> Detector    raises ModelError or ConfigError with one line

Every backend gives boxes in one convention, so that crops and tracks do not depend on it: the box that YuNet and
the WIDER FACE data set draw, from the hairline to the chin and from ear to ear, upright, not square.

A new detector is a new file and a line in BACKENDS.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge.config import DetectConfig
    from edge.messages import Face

BACKENDS = ("luma", "haar", "yunet")


class Detector(Protocol):
    """Faces in one luma frame."""

    def detect(self, luma: NDArray[np.uint8]) -> list[Face]:
        """Faces in pixels of the frame given, best score first; only those at or above `detect.min_score`.

        luma: uint8, shape (height, width), full range; any size, strided views allowed.
        """
        ...


def load_detector(config: DetectConfig) -> Detector:
    """The configured detector. Raises ModelError or ConfigError."""
    detector: Detector = importlib.import_module(f"edge.detect.{config.backend}").load(config)
    return detector
