"""Hard negatives: the scenes in which a half-trained network sees faces are shown to it more often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge.detect.scaling import Shrunk
from training.detector.threshold import WIDTH_PX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge.detect import Detector

EASIEST = 0.02
"""Scenes in which nothing is found are drawn as if this had been."""


def hardness(detector: Detector, scenes: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """How often each scene is to be drawn, float64 of sum 1: by the score of its worst find.

    scenes: uint8 (height, width), without people. detector: one that also gives its weak finds.
    """
    worst = [
        max((face.score for face in detector.detect(Shrunk(scene, WIDTH_PX).luma)), default=0.0) for scene in scenes
    ]
    weights = np.maximum(np.array(worst, np.float64), EASIEST)
    return np.asarray(weights / weights.sum(), np.float64)
