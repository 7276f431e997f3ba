"""When to look for faces: in every n-th frame, and rarely where nobody is in view and nothing moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.messages import Frame

BLOCK_PX = 8
LEVELS = 10
BLOCKS = 4
"""So many blocks whose means differ by more than LEVELS are motion: a face of 24 px covers nine. Noise of 15 levels
a pixel (a dark room) is one of 2 in a mean of 64, so that no block in a hundred thousand frames differs so much."""
IDLE_LOOK_S = 1.0
"""Where nothing moves faces are looked for this often: somebody may have come in too slowly to be noticed."""


class Look:
    """Decides for each frame. Its only clock is the frames' own.

    motion_gate: whether stillness saves work.
    """

    def __init__(self, *, motion_gate: bool) -> None:
        self._motion_gate = motion_gate
        self._frames_since = 0
        self._looked_s: float | None = None
        self._blocks: NDArray[np.uint8] | None = None

    def is_due(self, frame: Frame, every: int, *, faces: bool) -> bool:
        """Whether to look for faces in this frame, told once a frame; faces: some are in view."""
        self._frames_since += 1
        if self._frames_since < every and self._looked_s is not None:
            return False
        if self._motion_gate and not faces:
            blocks = block_means(frame.luma)
            if not self._has_been_long(frame.time_s) and not moved(self._blocks, blocks):
                return False
            self._blocks = blocks
        self._frames_since, self._looked_s = 0, frame.time_s
        return True

    def _has_been_long(self, time_s: float) -> bool:
        return self._looked_s is None or not 0 <= time_s - self._looked_s < IDLE_LOOK_S


def block_means(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Means of blocks of BLOCK_PX pixels a side: uint8, at least 1x1."""
    height, width = luma.shape
    size = max(1, width // BLOCK_PX), max(1, height // BLOCK_PX)
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)


def moved(before: NDArray[np.uint8] | None, now: NDArray[np.uint8]) -> bool:
    """Whether something is elsewhere than it was, by block means."""
    if before is None or before.shape != now.shape:
        return True
    return int(np.count_nonzero(cv2.absdiff(before, now) > LEVELS)) >= BLOCKS
