"""Pictures as a source: one file, or a folder's own (not those of the folders in it) in the order of their names.

A picture has no speed of its own: with `source.realtime` they follow each other at `source.fps`, and none is
dropped.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge.errors import SourceError
from edge.messages import Frame
from edge.sources.pace import Clock, Pace, SystemClock
from edge.sources.quiet import quiet_opencv

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from edge.config import SourceConfig

log = logging.getLogger("mien.sources")

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm"})


def read_luma(path: Path) -> NDArray[np.uint8]:
    """A picture file as luma uint8, shape (height, width), full range, upright as its EXIF note says.

    Raises SourceError in one line if it cannot be read, is truncated or is no picture.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
    return decode_luma(content, str(path))


def decode_luma(content: bytes, name: str) -> NDArray[np.uint8]:
    """The same of a file's content; name: what errors call it."""
    quiet_opencv()
    try:
        # A truncated PNG would make libpng speak up on standard error before the decoder gives up.
        whole = not content.startswith(b"\x89PNG") or b"IEND" in content
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE) if whole else None
    except cv2.error as error:  # an empty file, or more pixels than OpenCV allows
        raise SourceError(f"{name}: no picture that can be read: it is empty, damaged or too large") from error
    if picture is None:
        raise SourceError(f"{name}: no picture that can be read: truncated, damaged or of an unknown format")
    return np.asarray(picture, np.uint8)


def list_images(path: Path) -> list[Path]:
    """The picture files of a folder by name, or the file itself. Raises SourceError if there is none."""
    if not path.is_dir():
        if not path.exists():
            raise SourceError(f"{path}: no such file or folder")
        return [path]
    try:
        entries = sorted(path.iterdir())
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
    found = [
        entry
        for entry in entries
        if entry.suffix.lower() in SUFFIXES and not entry.name.startswith(".") and entry.is_file()
    ]
    if not found:
        words = ", ".join(sorted(suffix.removeprefix(".") for suffix in SUFFIXES))
        raise SourceError(f"{path}: no pictures in this folder ({words})")
    return found


class ImagesSource:
    """Pictures, one frame each. One that cannot be read is reported once and left out."""

    live = False
    dropped = 0

    def __init__(self, config: SourceConfig, clock: Clock) -> None:
        path = Path(config.path)
        self.name = str(path)
        self._paths = list_images(path)
        self._alone = not path.is_dir()
        self._config = config
        self._clock = clock
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[Frame]:
        pace = Pace(self._clock, realtime=self._config.realtime)
        bad: set[Path] = set()
        sequence = 0
        while True:
            for path in self._paths:
                luma = self._read(path, bad)
                if luma is None:
                    continue
                position_s = sequence / self._config.fps
                if not pace.wait(position_s, self._closed):
                    return
                yield Frame(luma, position_s, self._clock.epoch(), sequence, str(path))
                sequence += 1
            if len(bad) == len(self._paths):
                raise SourceError(f"{self.name}: none of its {len(bad)} pictures can be read")
            if not self._config.loop:
                return

    def _read(self, path: Path, bad: set[Path]) -> NDArray[np.uint8] | None:
        if path in bad:
            return None
        try:
            return read_luma(path)
        except SourceError as error:
            if self._alone:
                raise
            bad.add(path)
            log.warning("%s (left out)", error)
            return None

    def close(self) -> bool:
        self._closed.set()
        return True


def open_source(config: SourceConfig, clock: Clock | None = None) -> ImagesSource:
    """The pictures at source.path. Raises SourceError if there are none."""
    if not config.path:
        raise SourceError("source.path: a picture or a folder of pictures is needed for source.kind = images")
    return ImagesSource(config, clock or SystemClock())


def find(config: SourceConfig) -> str | None:
    """The folder or picture that source.path names, if it is one."""
    path = Path(config.path)
    is_one = config.path and (path.is_dir() or (path.is_file() and path.suffix.lower() in SUFFIXES))
    return config.path if is_one else None
