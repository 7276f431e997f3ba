"""picamera2 without a camera: the calls, the names and the buffer layout that edge/sources/picamera.py relies on.

Source of the layout: picamera2's MappedArray gives a YUV420 stream as one array of 3/2 * height rows, each
`stride` bytes long, which may be more than the width.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from edge.sources.fake import STEP_S
from edge.sources.picamera import Library

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

STRIDE_BYTES = 64
"""Rows are padded to a multiple of this, as the Pi 5's image processor does."""
PADDING = 0xA5
"""What the padding holds; it must never be seen in a frame."""


class FakeColourSpace:
    """libcamera.ColorSpace."""

    @staticmethod
    def Sycc() -> str:  # noqa: N802  (libcamera's name)
        return "sYCC"


class FakeRequest:
    """One captured buffer; it must be released, and not be used afterwards."""

    def __init__(self, buffer: NDArray[np.uint8], metadata: dict[str, Any]) -> None:
        self.buffer = buffer
        self.released = False
        self._metadata = metadata

    def get_metadata(self) -> dict[str, Any]:
        return dict(self._metadata)

    def release(self) -> None:
        if self.released:
            raise RuntimeError("released twice")
        self.released = True
        self.buffer[:] = PADDING  # the camera writes the next frame here


class FakeMappedArray:
    """picamera2.MappedArray."""

    def __init__(self, request: FakeRequest, stream: str) -> None:
        if stream != "lores":
            raise RuntimeError(f"Stream {stream!r} is not defined")
        self.array = request.buffer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        del self.array


class FakeJob:
    """What capture_request(wait=False) returns."""

    def __init__(self, camera: FakePicamera2) -> None:
        self._camera = camera

    def get_result(self, timeout: float | None = None) -> FakeRequest:
        request = self._camera.next_request()
        if request is None:
            self._camera.closed.wait(min(timeout or STEP_S, STEP_S))
            raise TimeoutError
        return request


class FakePicamera2:
    """picamera2.Picamera2 of a camera that sends these luma frames (all of the size that is asked for).

    After the last it goes on with that, or stands still. all_read: set when it has sent each once.
    """

    def __init__(
        self, frames: Sequence[NDArray[np.uint8]], stamps_ns: Sequence[int | None] = (), *, goes_on: bool = True
    ) -> None:
        self.all_read = threading.Event()
        self.closed = threading.Event()
        self.requests: list[FakeRequest] = []
        self.wanted: dict[str, Any] = {}
        self._frames = list(frames)
        self._stamps_ns = list(stamps_ns)
        self._goes_on = goes_on
        self._last: NDArray[np.uint8] | None = None
        self._started = False

    def create_video_configuration(
        self,
        main: dict[str, Any] | None = None,
        lores: dict[str, Any] | None = None,
        raw: dict[str, Any] | None = None,
        *,
        colour_space: Any = None,
        buffer_count: int = 6,
        controls: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        return {
            "main": dict(main or {}),
            "lores": dict(lores or {}),
            "raw": raw,
            "colour_space": colour_space,
            "buffer_count": buffer_count,
            "controls": dict(controls or {}),
        }

    def configure(self, wanted: dict[str, Any]) -> None:
        for stream in ("main", "lores"):
            width, height = wanted[stream]["size"]
            if width % 2 or height % 2:
                raise RuntimeError("width and height should be even")
            wanted[stream]["stride"] = -(-width // STRIDE_BYTES) * STRIDE_BYTES
        self.wanted = wanted

    def camera_configuration(self) -> dict[str, Any]:
        return self.wanted

    def start(self) -> None:
        self._started = True

    def close(self) -> None:
        self._started = False
        self.closed.set()

    def capture_request(self, *, wait: bool = True) -> FakeJob:
        if wait or not self._started:
            raise RuntimeError("only capture_request(wait=False) of a started camera is faked")
        return FakeJob(self)

    def next_request(self) -> FakeRequest | None:
        if not self._frames:
            self.all_read.set()
            if not self._goes_on or self._last is None:
                return None
            self.closed.wait(STEP_S)
        luma = self._last = self._frames.pop(0) if self._frames else self._last
        assert luma is not None
        height, width = luma.shape
        buffer = np.full((height * 3 // 2, self.wanted["lores"]["stride"]), PADDING, np.uint8)
        buffer[:height, :width] = luma
        stamp_ns = self._stamps_ns.pop(0) if self._stamps_ns else None
        self.requests.append(FakeRequest(buffer, {} if stamp_ns is None else {"SensorTimestamp": stamp_ns}))
        return self.requests[-1]


def fake_library(
    camera: FakePicamera2 | None, infos: Sequence[dict[str, Any]] = ({"Model": "imx708", "Id": "/base/i2c/imx708"},)
) -> Library:
    """A Library whose only camera is this one; None: another program has it."""

    class Picamera2:
        def __new__(cls, camera_num: int = 0) -> Any:
            if camera is None or camera_num != 0:
                raise RuntimeError("Camera __init__ sequence did not complete.")
            return camera

        @staticmethod
        def global_camera_info() -> list[dict[str, Any]]:
            return list(infos)

    return Library(Picamera2, FakeMappedArray, FakeColourSpace)
