"""Runs in the emulated Pi: one step of the pipeline with the default settings, each call marked for icount.c.

    steps.py detect|classify N

The frame is 320x240 with the demo's portrait in the middle. One line a call: the number of faces, or of scores.
"""

# ruff: noqa: T201  (what is printed goes to the test that started it)

from __future__ import annotations

import sys
from collections.abc import Callable, Sized

import cv2
import numpy as np
from invoke import mark

from edge.classify import Classifier
from edge.config import Config
from edge.detect import load_detector
from edge.messages import Box
from edge.model.package import BUNDLED, model_path, open_model
from edge.sources.images import read_luma

FACE = Box(140, 60, 200, 140)  # about the portrait's


def step(name: str) -> Callable[[], Sized]:
    """The call that is counted."""
    config = Config()
    portrait = cv2.resize(read_luma(BUNDLED / "portrait.jpg"), (240, 240), interpolation=cv2.INTER_AREA)
    frame = np.full((240, 320), 128, np.uint8)
    frame[:, 40:280] = portrait
    if name == "detect":
        detector = load_detector(config.detect)
        return lambda: detector.detect(frame)
    classifier = Classifier(open_model(model_path(config.classify.model)))
    return lambda: classifier.classify(frame, FACE)


def main(name: str, runs: int) -> None:
    cv2.setNumThreads(1)
    call = step(name)
    for run in range(runs):
        mark(2 * run)
        found = call()
        mark(2 * run + 1)
        print(len(found))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
