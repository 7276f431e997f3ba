"""Pictures for viewers: encoded once for all of them, at most `web.fps` a second, only while one is wanted."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np
from msgspec import Struct

from edge.sinks.web.hub import Curtain

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from edge.sinks.web.hub import Hub, Moment

JPEG_QUALITY = 80
MAX_WIDTH_PX = 1280
"""Wider frames are shrunk for the page; boxes stay in pixels of the frame."""


class Picture(Struct, frozen=True):
    """One encoded frame. number: that of its reading. message: the WebSocket message, ready for every viewer:
    the length of a View in JSON (4 bytes, big-endian), the View, the JPEG. private: a black one, without a View.
    """

    number: int
    made_s: float
    jpeg: bytes
    message: bytes
    private: bool = False


class Pace:
    """When the next picture is due: one a period, on average."""

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._due_s = 0.0

    def wait_s(self, now_s: float) -> float:
        """Called when a picture is made; returns the seconds to wait before the next."""
        # A frame that came late must not slow the pace down, one after a pause must not start a burst.
        late_s = now_s - self._due_s
        start_s = self._due_s if 0 <= late_s < self._period_s else now_s
        self._due_s = start_s + self._period_s
        return max(0.0, self._due_s - now_s)


class Pictures:
    """The encoder. Its only state is the last picture, which a slow viewer finds when it is ready."""

    def __init__(self, hub: Hub, fps: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub
        self._period_s = 1 / fps
        self._pace = Pace(self._period_s)
        self._clock = clock
        self._latest: Picture | None = None
        self._wanted = asyncio.Event()
        self._made = asyncio.Event()

    async def run(self) -> None:
        """Encode what is wanted until the hub closes."""
        while not self._hub.closed:
            await self._wanted.wait()
            found = await self._hub.next(self._latest.number if self._latest else 0)
            if found:
                self._latest = self._hide(found) if isinstance(found, Curtain) else self._encode(found)
                self._wanted.clear()
            self._made.set()
            self._made = asyncio.Event()
            await asyncio.sleep(self._pace.wait_s(self._clock()))

    async def next(self, after: int) -> Picture | None:
        """The newest picture of a reading above `after`; None when the hub closes."""
        while not self._hub.closed:
            if (picture := self._latest) and picture.number > after and self._is_newest(picture):
                return picture
            made = self._made
            self._wanted.set()
            await made.wait()
        return None

    def forget(self, _private: bool) -> None:  # noqa: FBT001  (the privacy switch calls it so)
        """Keep no picture from before the switch was turned."""
        self._latest = None

    def _is_newest(self, picture: Picture) -> bool:
        if (curtain := self._hub.curtain) or picture.private:
            return curtain is not None and picture.number == curtain.number
        moment = self._hub.latest()
        if moment is None:
            return False
        return picture.number == moment.number or self._clock() - picture.made_s < self._period_s

    def _encode(self, moment: Moment) -> Picture:
        self._hub.encoded += 1
        picture = jpeg(moment.reading.frame.luma)
        header = msgspec.json.encode(self._hub.view(moment))
        return Picture(moment.number, self._clock(), picture, len(header).to_bytes(4, "big") + header + picture)

    def _hide(self, curtain: Curtain) -> Picture:
        """A black picture for those who would otherwise keep looking at the last one."""
        width, height = curtain.size
        return Picture(curtain.number, self._clock(), jpeg(np.zeros((height, width), np.uint8)), b"", private=True)


def jpeg(luma: NDArray[np.uint8]) -> bytes:
    """A grey JPEG file, at most MAX_WIDTH_PX wide; luma: uint8, shape (height, width)."""
    height, width = luma.shape
    if width > MAX_WIDTH_PX:
        shrunk = (MAX_WIDTH_PX, max(1, round(height * MAX_WIDTH_PX / width)))
        luma = cv2.resize(luma, shrunk, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    _, content = cv2.imencode(".jpg", luma, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return content.tobytes()
