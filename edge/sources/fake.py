"""Stand-ins for what a machine without cameras lacks. They ship with the code: tests, and people who write a
source or a sink, need no hardware and no waiting. A fake picamera2 is in edge/sources/fake_picamera.py.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from edge.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from edge.messages import Frame
    from edge.sources.newest import Shot

Ending = Literal["goes on", "unplugged", "frozen"]
"""What a fake camera does after its last frame: goes on in its way, is pulled out, its driver hangs."""
STEP_S = 0.005
"""How long a fake camera that goes on takes for a turn, so that its thread leaves time to the others."""


class FakeClock:
    """Time that passes only where somebody waits; `monotonic_s` and `epoch_s` may be set to anything."""

    def __init__(self, monotonic_s: float = 1000.0, epoch_s: float = 1.7e9) -> None:
        self.monotonic_s = monotonic_s
        self.epoch_s = epoch_s

    def monotonic(self) -> float:
        return self.monotonic_s

    def epoch(self) -> float:
        return self.epoch_s

    def wait(self, event: threading.Event, timeout_s: float) -> None:
        if not event.is_set():
            self.pass_by(timeout_s)

    def pass_by(self, seconds: float) -> None:
        """Both clocks move on."""
        self.monotonic_s += seconds
        self.epoch_s += seconds


class FakeSource:
    """A source that gives these frames and then ends, is lost, or goes on with none until it is closed.

    deaf: how often `close` finds that the driver does not answer.
    """

    def __init__(
        self, frames: Iterable[Frame], ending: Literal["ends", "lost", "goes on"] = "lost", *, deaf: int = 0
    ) -> None:
        self.name, self.live, self.dropped = "fake source", True, 0
        self.closed = threading.Event()
        self._frames = frames
        self._ending = ending
        self._deaf = deaf

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._frames:
            if self.closed.is_set():
                return
            yield frame
        if self._ending == "goes on":
            self.closed.wait()
        elif self._ending == "lost" and not self.closed.is_set():
            raise SourceError(f"{self.name}: unplugged")

    def close(self) -> bool:
        self.closed.set()
        self._deaf -= 1
        return self._deaf < 0


class FakeCapture:
    """A camera behind a LiveSource (edge/sources/newest.py). Its shots are luma already; an empty one is damaged.

    After the last shot it goes on with none.
    all_read: set once the last shot was fetched and another is asked for.
    thaw: ends a driver's hanging.
    """

    name = "fake camera"

    def __init__(self, shots: Iterable[Shot], ending: Ending = "goes on") -> None:
        self.all_read = threading.Event()
        self.thaw = threading.Event()
        self.closed = threading.Event()
        self._shots = iter(shots)
        self._ending = ending

    def read(self) -> Shot | None:
        shot = next(self._shots, None)
        if shot is not None:
            return shot
        self.all_read.set()
        if self._ending == "unplugged":
            raise SourceError(f"{self.name}: unplugged")
        self.thaw.wait(None if self._ending == "frozen" else STEP_S)
        return None

    def luma(self, buffer: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        return buffer if buffer.size else None

    def close(self) -> None:
        self.closed.set()


class FakeVideoDevice:
    """What edge/sources/v4l2.py uses of cv2.VideoCapture, for a camera with these pixel formats.

    formats: frames a second for each pixel format that it has; another one asked for leaves it at the first.
    buffers: what it sends, whatever was asked for; it goes on with the last.
    stamps_ms: the driver's times; 0 where none are given.
    """

    def __init__(
        self,
        buffers: Iterable[NDArray[np.uint8]],
        formats: Mapping[str, float],
        *,
        ending: Ending = "goes on",
        stamps_ms: Iterable[float] = (),
    ) -> None:
        self.all_read = threading.Event()
        self.thaw = threading.Event()
        self.released = threading.Event()
        self._buffers = iter(buffers)
        self._stamps_ms = iter(stamps_ms)
        self._formats = formats
        self._ending = ending
        self._buffer: NDArray[np.uint8] | None = None
        self._properties: dict[int, float] = {}
        self._choose(next(iter(formats)))

    def set(self, prop: int, value: float) -> bool:
        if prop == cv2.CAP_PROP_FOURCC:
            self._choose(int(value).to_bytes(4, "little").decode())
        elif prop != cv2.CAP_PROP_FPS:
            self._properties[prop] = float(value)
        return True

    def get(self, prop: int) -> float:
        return self._properties.get(prop, 0.0)

    def grab(self) -> bool:
        self._properties[cv2.CAP_PROP_POS_MSEC] = next(self._stamps_ms, 0.0)
        buffer = next(self._buffers, None)
        if buffer is not None:
            self._buffer = buffer
            return True
        self.all_read.set()
        if self._ending == "goes on":
            self.thaw.wait(STEP_S)
            return self._buffer is not None
        if self._ending == "frozen":
            self.thaw.wait()
        return False

    def retrieve(self) -> tuple[bool, NDArray[np.uint8] | None]:
        return self._buffer is not None, self._buffer

    def release(self) -> None:
        self.released.set()

    def _choose(self, name: str) -> None:
        if name in self._formats:
            self._properties[cv2.CAP_PROP_FOURCC] = float(cv2.VideoWriter.fourcc(*name))
            self._properties[cv2.CAP_PROP_FPS] = self._formats[name]
