"""A camera on the network, by RTSP or HTTP (MJPEG, HLS), decoded by the FFmpeg in OpenCV.

Luma is full range: OpenCV widens limited-range video on the way to BGR. The address may hold a name and a
password; they are never shown.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import cv2
import numpy as np

from edge.errors import SourceError
from edge.sources.newest import LiveSource, Shot
from edge.sources.pace import Clock, SystemClock
from edge.sources.quiet import quiet_opencv

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.config import SourceConfig

SCHEMES = ("rtsp", "rtsps", "http", "https")
OPEN_MS, READ_MS = 10_000, 5_000
"""So long a camera may take to answer, and a frame to come."""


class StreamCapture:
    """An address that is open. Raises SourceError if it gives no first frame."""

    def __init__(self, device: Any, name: str, clock: Clock) -> None:
        self.name = name
        self._device = device
        self._clock = clock
        self._first: Shot | None = self._grab()

    def read(self) -> Shot | None:
        shot, self._first = self._first, None
        return shot or self._grab()

    def luma(self, buffer: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        return np.asarray(buffer if buffer.ndim == 2 else cv2.cvtColor(buffer, cv2.COLOR_BGR2GRAY), np.uint8)

    def close(self) -> None:
        self._device.release()

    def _grab(self) -> Shot:
        ok, picture = self._device.read()
        if not ok:
            raise SourceError(f"{self.name}: gives no frame: it has ended, or the network is away")
        return Shot(np.asarray(picture, np.uint8), self._clock.monotonic())


def open_source(config: SourceConfig, clock: Clock | None = None) -> LiveSource:
    """The stream at source.path. Raises SourceError."""
    if find(config) is None:
        raise SourceError(
            f"source.path: an address is needed for source.kind = stream ({', '.join(SCHEMES)}://...)"
        )
    name = shown(config.path)
    quiet_opencv()
    # TCP: a lost UDP packet would be a grey bar in the picture. Read when OpenCV opens its first stream.
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp")
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_MS]
    device = cv2.VideoCapture(config.path, cv2.CAP_FFMPEG, limits)
    if not device.isOpened():
        raise SourceError(f"{name}: cannot be opened: check address, name, password and that the camera is on")
    clock = clock or SystemClock()
    try:
        return LiveSource(StreamCapture(device, name, clock), clock)
    except BaseException:
        device.release()
        raise


def find(config: SourceConfig) -> str | None:
    """The address in source.path, if it is one; nobody is asked for it."""
    try:
        parts = urlsplit(config.path)
        return shown(config.path) if parts.scheme in SCHEMES and parts.hostname else None
    except ValueError:  # such as a port that is none
        return None


def shown(address: str) -> str:
    """The address without name, password and query, which may hold a key."""
    parts = urlsplit(address)
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, f"{host}{port}", parts.path, "", ""))
