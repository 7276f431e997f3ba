"""A still picture that somebody uploads: its size proved before it is decoded, one at a time, kept nowhere."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from msgspec import Struct

from edge.errors import MienError, SourceError
from edge.predict import FoundFace, Predictor
from edge.sinks.web.endpoints import Refusal
from edge.sources.images import decode_luma

if TYPE_CHECKING:
    from edge.config import Config

TYPES = ("image/jpeg", "image/png")
BYTES_MAX = 4 * 1024 * 1024
PIXELS_MAX = 8_500_000
"""4096 x 2075: some 35 MB while it is decoded, which the smallest Pi has."""
START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
ALONE = {0x01, *range(0xD0, 0xD8)}
"""JPEG markers that have no length."""


class StillFaces(Struct, frozen=True):
    """What is in an uploaded picture. size: (width, height) in pixels; faces from left to right."""

    size: tuple[int, int]
    faces: tuple[FoundFace, ...]


class Stills:
    """Detects and classifies with an interpreter of its own, made when the first picture comes."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._predictor: Predictor | None = None
        self._busy = threading.Lock()

    def look(self, content: bytes) -> StillFaces:
        """Takes tens of milliseconds or more: not for the web thread itself. Raises Refusal."""
        width, height = size_of(content)
        if width * height > PIXELS_MAX:
            raise Refusal(413, f"{width} x {height}: at most {PIXELS_MAX} pixels are taken")
        if not self._busy.acquire(blocking=False):
            raise Refusal(503, "another picture is being looked at: try again", {"Retry-After": "1"})
        try:
            luma = decode_luma(content, "the picture")
            self._predictor = self._predictor or Predictor(self._config)
            return StillFaces((luma.shape[1], luma.shape[0]), self._predictor.predict(luma))
        except SourceError as error:
            raise Refusal(422, str(error)) from error
        except MienError as error:
            raise Refusal(503, str(error)) from error
        finally:
            self._busy.release()


def size_of(content: bytes) -> tuple[int, int]:
    """(width, height) as the file's head says. Raises Refusal if it is neither JPEG nor PNG."""
    size = png_size(content) if content.startswith(b"\x89PNG\r\n\x1a\n") else jpeg_size(content)
    if size is None or 0 in size:
        raise Refusal(422, "the picture is neither a whole JPEG nor a whole PNG file")
    return size


def png_size(content: bytes) -> tuple[int, int] | None:
    if content[12:16] != b"IHDR" or len(content) < 24:
        return None
    return int.from_bytes(content[16:20]), int.from_bytes(content[20:24])


def jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Source: ITU-T T.81, annex B: segments of marker and length up to the start of the frame."""
    if not content.startswith(b"\xff\xd8"):
        return None
    place = 2
    while place + 9 <= len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        if marker == 0xFF:  # a byte of filling
            place += 1
        elif marker in START_OF_FRAME:
            return int.from_bytes(content[place + 7 : place + 9]), int.from_bytes(content[place + 5 : place + 7])
        elif marker in ALONE:
            place += 2
        else:
            place += 2 + int.from_bytes(content[place + 2 : place + 4])
    return None
