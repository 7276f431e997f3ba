"""What a score means: logits are shifted until the default threshold rings no false alarm too many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edge.config import DetectConfig
from edge.detect.grid import STRIDES
from training.detector.evaluate import read_at_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.detect import Detector
    from training.detector.photos import Photo

FALSE_PER_SCENE = 0.01
"""What the default threshold may find where nobody is."""

LARGEST_SHIFT = 3.0
WIDTH_PX = 320


def shift_for(detector: Detector, scenes: Sequence[Photo], step: float = 0.0) -> float:
    """What to add to the logits so that FALSE_PER_SCENE finds a scene reach the default of detect.min_score.

    scenes: without people. detector: one that also gives its weak finds. step: of logits that are rounded; the
    shift is a whole number of such steps, so that shifted logits are rounded as they were.
    """
    finds = [face.score for scene in scenes for face in detector.detect(read_at_width(scene, WIDTH_PX)[0])]
    scores = np.sort(np.array(finds, np.float64))[::-1]
    allowed = int(FALSE_PER_SCENE * len(scenes))
    if len(scores) <= allowed:
        return 0.0
    default = DetectConfig().min_score
    shift = float(np.clip(logit(default) - logit(float(scores[allowed])) - 1e-3, -LARGEST_SHIFT, LARGEST_SHIFT))
    return float(np.floor(shift / step) * step) if step else shift


def logit(score: float) -> float:
    score = min(max(score, 1e-6), 1 - 1e-6)
    return float(np.log(score / (1 - score)))


def shift_logits(model: Any, shifts: Sequence[float]) -> None:
    """Add to the first number of each level's output, finest first (training/detector/model.py).

    A range that the output is rounded in stays: sizes reach further in it than logits of faces.
    """
    for stride, shift in zip(STRIDES, shifts, strict=True):
        layer = model.get_layer(f"s{stride}_out")
        kernel, bias, *limits = layer.get_weights()
        bias[0] += shift
        layer.set_weights([kernel, bias, *limits])
