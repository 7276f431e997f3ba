"""Detectors are timed in turns, so that a busy moment falls on all of them."""

import itertools

import numpy as np

from edge.messages import Face
from training.commands.time_detectors import time_each


class Slow:
    """Takes so many ticks of the clock that the test owns."""

    def __init__(self, ticks: list[float], seconds: float, order: list[float]) -> None:
        self._ticks, self._seconds, self._order = ticks, seconds, order

    def detect(self, luma: np.ndarray) -> list[Face]:
        self._ticks[0] += self._seconds
        self._order.append(self._seconds)
        return []


def test_each_frame_goes_to_every_detector_before_the_next() -> None:
    now, order = [0.0], []
    detectors = [Slow(now, 0.001, order), Slow(now, 0.004, order)]
    frames = [np.zeros((8, 8), np.uint8)] * 3
    taken = time_each(detectors, frames, clock=lambda: now[0])
    assert np.round(taken, 6).tolist() == [[1.0] * 3, [4.0] * 3]
    assert order[2:] == list(itertools.chain(*[[0.001, 0.004]] * 3))
