"""A video file as a source, decoded by the FFmpeg in OpenCV.

Luma is full range: OpenCV widens a limited-range clip on the way to BGR, so the grey made from that spans 0..255
(tests/edge/sources feeds black and white).
"""

from __future__ import annotations

import os
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

USUAL_FPS = 25.0
"""Where a file names no rate, or one that no camera has."""
MISSING_S, MISSING_RATIO = 0.5, 0.05
"""A clip may end this much (the larger of the two) before its header says: sound that goes on, rounded times."""


class VideoSource:
    """A clip: with `source.realtime` played at its own speed, frames that come too late dropped; else every one."""

    live = False

    def __init__(self, config: SourceConfig, clock: Clock) -> None:
        self._path = Path(config.path)
        self.name = str(self._path)
        self.dropped = 0
        self._config = config
        self._clock = clock
        self._closed = threading.Event()
        self._lock = threading.Lock()  # releasing a capture while another thread decodes with it would crash
        self._capture: cv2.VideoCapture | None = open_clip(self._path)
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self._period_s = 1 / (fps if 1 <= fps <= 240 else USUAL_FPS)
        self._announced_s = _announced_s(self._capture)

    def __iter__(self) -> Iterator[Frame]:
        pace = Pace(self._clock, realtime=self._config.realtime)
        began_s, sequence = 0.0, 0
        while True:
            ended_s = began_s
            for position_s in self._positions():
                at_s = began_s + position_s
                ended_s = at_s + self._period_s
                sequence += 1
                if pace.is_late(at_s, self._period_s):
                    self.dropped += 1
                    continue
                luma = self._luma()
                if luma is None or not pace.wait(at_s, self._closed):
                    return
                yield Frame(luma, at_s, self._clock.epoch(), sequence - 1, self.name)
            if self._closed.is_set():
                return
            self._check_whole(ended_s - began_s)
            if not self._config.loop:
                return
            began_s = ended_s
            self._rewind()

    def close(self) -> bool:
        self._closed.set()
        with self._lock:
            if self._capture is not None:
                self._capture.release()
                self._capture = None
        return True

    def _positions(self) -> Iterator[float]:
        """Seconds from the clip's beginning of each frame in turn, always growing."""
        position_s = -self._period_s
        while True:
            with self._lock:
                if self._capture is None or not self._capture.grab():
                    return
                stated_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if stated_s > position_s:  # broken time stamps stand still, go back or are NaN
                position_s = stated_s
            else:
                position_s += self._period_s
            yield max(position_s, 0.0)

    def _luma(self) -> NDArray[np.uint8] | None:
        """The frame that was grabbed last; None once closed. Raises SourceError."""
        with self._lock:
            if self._capture is None:
                return None
            ok, picture = self._capture.retrieve()
        if not ok:
            raise SourceError(f"{self.name}: a frame cannot be decoded: the file is damaged")
        return np.asarray(picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)

    def _check_whole(self, seconds: float) -> None:
        if seconds == 0:
            raise SourceError(f"{self.name}: no frame in it can be decoded: the file is damaged or truncated")
        if self._announced_s - seconds > max(MISSING_S, MISSING_RATIO * self._announced_s):
            raise SourceError(
                f"{self.name}: ends after {seconds:.1f} s of {self._announced_s:.1f} s: truncated or damaged"
            )

    def _rewind(self) -> None:
        # Seeking back is inexact in some containers; opening again never is.
        with self._lock:
            if self._capture is not None:
                self._capture.release()
                self._capture = open_clip(self._path)


def open_clip(path: Path) -> cv2.VideoCapture:
    """A clip, ready for its first frame. Raises SourceError, saying why not."""
    if path.is_dir():
        raise SourceError(f"{path}: is a folder, no video file (source.kind = images reads folders of pictures)")
    if not path.exists():
        raise SourceError(f"{path}: no such video file")
    if not os.access(path, os.R_OK):
        raise SourceError(f"{path}: cannot be read: permission denied")
    quiet_opencv()
    # file: keeps FFmpeg from taking a name with a colon or a percent sign for an address or a pattern.
    capture = cv2.VideoCapture(f"file:{path.absolute()}", cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise SourceError(f"{path}: no video that can be read: truncated, damaged or of an unknown format")
    return capture


def _announced_s(capture: cv2.VideoCapture) -> float:
    """How long the clip's header says that it is; 0 where it does not."""
    frames, fps = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
    return frames / fps if frames > 0 and fps > 0 else 0.0


def open_source(config: SourceConfig, clock: Clock | None = None) -> VideoSource:
    """The clip at source.path. Raises SourceError if it cannot be read."""
    if not config.path:
        raise SourceError("source.path: a video file is needed for source.kind = video")
    return VideoSource(config, clock or SystemClock())


def find(config: SourceConfig) -> str | None:
    """The file that source.path names, if there is one."""
    return config.path if config.path and Path(config.path).is_file() else None
