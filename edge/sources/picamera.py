"""The Raspberry Pi's own camera through picamera2, which comes from apt and is imported only here.

The camera's image processor scales and hands over YUV420; its Y plane is the luma, and ColorSpace.Sycc() makes
it full range. Only Y is copied, so that the buffer goes back to the camera at once.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from edge.errors import SourceError
from edge.sources.luma import crop_plane
from edge.sources.newest import LiveSource, Shot
from edge.sources.pace import Clock, SystemClock

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge.config import SourceConfig

ASK_AGAIN_S = 0.5
BUFFERS = 4
CURE = "sudo apt install python3-picamera2, and make the environment with --system-site-packages"


class Library(NamedTuple):
    """What is used of picamera2 and libcamera; edge/sources/fake_picamera.py has one without a camera."""

    camera: Any
    mapped_array: Any
    colour_space: Any


def load_library() -> Library:
    """Raises SourceError with the cure where it is missing or does not fit the other packages."""
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:ERROR")
    logging.getLogger("picamera2").setLevel(logging.WARNING)
    try:
        import libcamera
        import picamera2
    except ImportError as error:
        raise SourceError(f"picamera: {error}: {CURE}") from error
    except (ValueError, RuntimeError, AttributeError) as error:
        # Its compiled parts were built against another numpy than the one installed.
        raise SourceError(f"picamera: picamera2 does not load: {error}: use the system's numpy") from error
    return Library(picamera2.Picamera2, picamera2.MappedArray, libcamera.ColorSpace)


class PicameraCapture:
    """A camera that runs. Raises SourceError if it does not start."""

    def __init__(self, library: Library, config: SourceConfig, clock: Clock) -> None:
        name = first_camera(library)
        if name is None:
            raise SourceError("picamera: no camera found: check its ribbon cable (rpicam-hello --list-cameras)")
        self.name = f"Pi camera ({name})"
        self._library = library
        self._clock = clock
        self._job: Any = None
        self._camera: Any = None
        try:
            self._camera = library.camera(0)
            self._start(config)
        except (RuntimeError, IndexError, ValueError, OSError) as error:
            self.close()
            raise SourceError(f"{self.name}: does not start: {error}: is another program using it?") from error

    def _start(self, config: SourceConfig) -> None:
        size = config.width // 2 * 2, config.height // 2 * 2
        wanted = self._camera.create_video_configuration(
            main={"size": size, "format": "YUV420"},
            lores={"size": size, "format": "YUV420"},
            raw=None,
            colour_space=self._library.colour_space.Sycc(),
            buffer_count=BUFFERS,
            controls=controls(config),
        )
        self._camera.configure(wanted)
        agreed = self._camera.camera_configuration()["lores"]
        self.size: tuple[int, int] = agreed["size"]
        self._stride: int = agreed["stride"]
        self._camera.start()

    def read(self) -> Shot | None:
        if self._job is None:
            self._job = self._camera.capture_request(wait=False)
        try:
            request = self._job.get_result(timeout=ASK_AGAIN_S)
        except TimeoutError:
            return None
        self._job = None
        try:
            with self._library.mapped_array(request, "lores") as mapped:
                luma = crop_plane(mapped.array, self.size, self._stride).copy()
            stamp_ns = request.get_metadata().get("SensorTimestamp")
        finally:
            request.release()
        return Shot(luma, self._clock.monotonic() if stamp_ns is None else stamp_ns / 1e9 - _asleep_s())

    def luma(self, buffer: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        return buffer

    def close(self) -> None:
        if self._camera is not None:
            self._camera.close()  # stops it, too


def controls(config: SourceConfig) -> dict[str, Any]:
    """Libcamera's controls for the settings; a time of exposure that is given switches its choosing off."""
    wanted: dict[str, Any] = {"FrameRate": config.fps}
    if config.exposure_ms:
        wanted["ExposureTime"] = round(1000 * config.exposure_ms)
    return wanted


def first_camera(library: Library) -> str | None:
    """The first camera's model, USB ones left out (edge/sources/v4l2.py reads those). Raises SourceError."""
    try:
        infos = library.camera.global_camera_info()
    except RuntimeError as error:
        raise SourceError(f"picamera: libcamera cannot list the cameras: {error}") from error
    found = [camera for camera in infos if "/usb" not in camera.get("Id", "")]
    return str(found[0].get("Model", "camera")) if found else None


def open_source(config: SourceConfig, clock: Clock | None = None, library: Library | None = None) -> LiveSource:
    """The Pi's camera. Raises SourceError with the cure."""
    clock = clock or SystemClock()
    return LiveSource(PicameraCapture(library or load_library(), config, clock), clock)


def find(_config: SourceConfig) -> str | None:
    """The camera's model; None where there is no picamera2 or no camera. Lists cameras, opens none."""
    if importlib.util.find_spec("picamera2") is None:
        return None
    try:
        return first_camera(load_library())
    except SourceError:
        return None


def _asleep_s() -> float:
    """Sensors are stamped on the clock that runs through suspend, time.monotonic() stands still in it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
