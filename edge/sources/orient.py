"""Frames the right way up: what a camera that hangs on its side or behind a mirror sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from edge.config import SourceConfig
    from edge.messages import Frame
    from edge.sources import Source

TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


class Oriented:
    """Another source's frames, turned and mirrored as the settings say."""

    def __init__(self, source: Source, config: SourceConfig) -> None:
        self.name = source.name
        self.live = source.live
        self._source = source
        self._config = config

    @property
    def dropped(self) -> int:
        return self._source.dropped

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._source:
            yield replace(frame, luma=orient(frame.luma, self._config.rotate, mirror=self._config.mirror))

    def close(self) -> bool:
        return self._source.close()


def orient(luma: NDArray[np.uint8], rotate: int, *, mirror: bool) -> NDArray[np.uint8]:
    """Turned clockwise by 0, 90, 180 or 270 degrees, then mirrored. luma: uint8, shape (height, width)."""
    turned = cv2.rotate(luma, TURNS[rotate]) if rotate else luma
    return np.asarray(cv2.flip(turned, 1) if mirror else turned, np.uint8)
