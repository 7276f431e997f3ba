"""A USB or other V4L2 camera, by its stable name (/dev/v4l/by-id/...).

Frames come as the camera sends them and are made luma here (edge/sources/luma.py): OpenCV's own way over BGR
takes about twice as long. YUYV is asked for where it can keep up, MJPG else.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge.errors import SourceError
from edge.sources.devices import cameras, probe
from edge.sources.luma import LIMITED, SUPPORTED, to_luma
from edge.sources.newest import LiveSource, Shot
from edge.sources.pace import Clock, SystemClock
from edge.sources.quiet import quiet_opencv

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.config import SourceConfig

log = logging.getLogger("mien.sources")

EXPOSURE_MANUAL = 1
"""V4L2_EXPOSURE_MANUAL, linux/v4l2-controls.h."""
STALE_S = 10.0
"""A buffer's time stamp older than this, or in the future, is not on our clock."""


class V4l2Capture:
    """A camera opened through OpenCV, its frames left as they came.

    device: a cv2.VideoCapture, or what behaves like one. Raises SourceError if the camera does not start.
    """

    def __init__(self, device: Any, name: str, config: SourceConfig, clock: Clock) -> None:
        self.name = name
        self._device = device
        self._clock = clock
        self.pixel_format = self._agree(config)
        self.size = int(device.get(cv2.CAP_PROP_FRAME_WIDTH)), int(device.get(cv2.CAP_PROP_FRAME_HEIGHT))
        # Proved before frame 1: a camera may agree to everything and then not start.
        self._first: Shot | None = self._grab()

    def read(self) -> Shot | None:
        shot, self._first = self._first, None
        return shot or self._grab()

    def luma(self, buffer: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        return to_luma(buffer, self.pixel_format, self.size)

    def close(self) -> None:
        self._device.release()

    def _agree(self, config: SourceConfig) -> str:
        """Ask for YUYV, or MJPG where YUYV is too slow at this size (USB 2 carries 640x480 at 30); what we got."""
        got = ""
        for wanted in ("YUYV", "MJPG"):
            for prop, value in (
                (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*wanted)),
                (cv2.CAP_PROP_FRAME_WIDTH, config.width),
                (cv2.CAP_PROP_FRAME_HEIGHT, config.height),
                (cv2.CAP_PROP_FPS, config.fps),
                (cv2.CAP_PROP_CONVERT_RGB, 0),  # last: the others open the stream anew
            ):
                self._device.set(prop, value)
            got = fourcc_name(self._device.get(cv2.CAP_PROP_FOURCC))
            if got == wanted and self._device.get(cv2.CAP_PROP_FPS) >= 0.9 * config.fps:
                break
        if config.exposure_ms:
            self._device.set(cv2.CAP_PROP_AUTO_EXPOSURE, EXPOSURE_MANUAL)
            self._device.set(cv2.CAP_PROP_EXPOSURE, 10 * config.exposure_ms)  # in 100 microseconds
        if got not in SUPPORTED:
            raise SourceError(
                f"{self.name}: sends {got or 'no known format'}; {', '.join(sorted(SUPPORTED))} are read"
            )
        return got

    def _grab(self) -> Shot:
        ok = self._device.grab()
        if ok:
            ok, buffer = self._device.retrieve()
        if not ok:
            raise SourceError(f"{self.name}: gives no frame: unplugged, or its driver is frozen")
        now_s = self._clock.monotonic()
        # V4L2 drivers stamp buffers on the monotonic clock, with exceptions.
        stamped_s = self._device.get(cv2.CAP_PROP_POS_MSEC) / 1000
        return Shot(np.asarray(buffer, np.uint8), stamped_s if now_s - STALE_S < stamped_s <= now_s else now_s)


def open_source(config: SourceConfig, clock: Clock | None = None) -> LiveSource:
    """The camera at source.path, or the first. Raises SourceError with the cure."""
    path = config.path or find(config)
    if path is None:
        raise SourceError("v4l2: no camera found: plug one in (ls /dev/v4l/by-id lists those that are there)")
    name = f"{path} ({probe(Path(path))})"
    quiet_opencv()
    device = cv2.VideoCapture(path, cv2.CAP_V4L2)
    if not device.isOpened():
        raise SourceError(f"{name}: cannot be started: another program may be using it (fuser -v {path})")
    return open_device(device, name, config, clock or SystemClock())


def open_device(device: Any, name: str, config: SourceConfig, clock: Clock) -> LiveSource:
    """The source on an open cv2.VideoCapture or a fake one. Raises SourceError and then leaves it released."""
    try:
        capture = V4l2Capture(device, name, config, clock)
    except BaseException:
        device.release()
        raise
    widened = ", 16-235 widened to 0-255" if capture.pixel_format in LIMITED else ""
    log.info("%s: %dx%d %s%s", name, *capture.size, capture.pixel_format, widened)
    return LiveSource(capture, clock)


def find(config: SourceConfig) -> str | None:
    """source.path if it is a device, else the first camera."""
    if config.path:
        return config.path if Path(config.path).is_char_device() else None
    return next(iter(cameras()), None)


def fourcc_name(value: float) -> str:
    """'YUYV' from the number that OpenCV keeps it as."""
    return (
        int(value).to_bytes(4, "little", signed=False).decode("ascii", "replace").rstrip("\0 ") if value > 0 else ""
    )
