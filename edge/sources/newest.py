"""Cameras behind a thread: the newest frame wins, what nobody fetched in time is dropped and counted."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edge.errors import SourceError
from edge.messages import Frame
from edge.sources.pace import Clock, SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator

Item = TypeVar("Item")

FROZEN_S = 5.0
"""A camera that gives nothing for so long is lost. Slow ones take 2 s to their first frame."""
DAMAGED_IN_A_ROW = 30
"""A USB camera drops bytes now and then; one that gives only damaged frames is lost."""
CLOSE_WAIT_S = 1.0
"""So long `close` waits for the driver's call that is under way."""


class Shot(Struct, frozen=True, eq=False):
    """What a camera gave: its bytes as they came and when they were taken, on time.monotonic()."""

    buffer: NDArray[np.uint8]
    time_s: float


class Capture(Protocol):
    """An open camera. `read` and `close` are called by one thread, `luma` by another."""

    name: str

    def read(self) -> Shot | None:
        """The next frame; None if none came in a while, to be asked again. Raises SourceError if it is lost."""
        ...

    def luma(self, buffer: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        """A buffer as luma uint8, shape (height, width), full range; None if it is damaged."""
        ...

    def close(self) -> None:
        """Let go of the camera."""
        ...


class Newest(Generic[Item]):
    """A place for one item: putting replaces what is there, taking waits for something to be there."""

    def __init__(self) -> None:
        self.replaced = 0
        self._changed = threading.Condition()
        self._items: list[Item] = []
        self._error: SourceError | None = None
        self._closed = False

    def put(self, item: Item) -> None:
        with self._changed:
            self.replaced += len(self._items)
            self._items = [item]
            self._changed.notify_all()

    def fail(self, error: SourceError) -> None:
        """Nothing more will be put: what is there may still be taken, then taking raises the error."""
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def close(self) -> None:
        """Taking gives None from now on."""
        with self._changed:
            self._closed = True
            self._items = []
            self._changed.notify_all()

    def take(self, timeout_s: float) -> Item | None:
        """The newest item; None once closed. Raises TimeoutError, or the error that `fail` was given."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._closed or self._items or self._error, timeout_s):
                raise TimeoutError
            if self._closed:
                return None
            if self._items:
                return self._items.pop()
            assert self._error is not None
            raise self._error


class LiveSource:
    """A camera as a source; a thread reads it, so that the frame given is the newest, however slow the reader.

    Only the frames that are given are converted. Takes over the capture and closes it.
    """

    live = True

    def __init__(
        self,
        capture: Capture,
        clock: Clock | None = None,
        *,
        frozen_s: float = FROZEN_S,
        close_wait_s: float = CLOSE_WAIT_S,
    ) -> None:
        self.name = capture.name
        self.dropped = 0
        self._capture = capture
        self._clock = clock or SystemClock()
        self._frozen_s = frozen_s
        self._close_wait_s = close_wait_s
        self._damaged = 0
        self._closed = threading.Event()
        self._newest: Newest[tuple[int, Shot]] = Newest()
        self._reader = threading.Thread(target=self._read, name=f"source {self.name}", daemon=True)
        self._reader.start()

    def __iter__(self) -> Iterator[Frame]:
        time_s = 0.0
        damaged_in_a_row = 0
        while (taken := self._take()) is not None:
            sequence, shot = taken
            luma = self._capture.luma(shot.buffer)
            damaged_in_a_row = 0 if luma is not None else damaged_in_a_row + 1
            self._damaged += luma is None
            self.dropped = self._newest.replaced + self._damaged
            if damaged_in_a_row >= DAMAGED_IN_A_ROW:
                raise SourceError(f"{self.name}: gives only damaged frames: try another cable or port")
            if luma is None:
                continue
            time_s = max(shot.time_s, time_s + 1e-6)  # a driver's time stamps may stand still
            taken_ago_s = self._clock.monotonic() - time_s
            yield Frame(luma, time_s, self._clock.epoch() - taken_ago_s, sequence)

    def close(self) -> bool:
        self._closed.set()
        self._newest.close()
        self._reader.join(self._close_wait_s)
        return not self._reader.is_alive()

    def _take(self) -> tuple[int, Shot] | None:
        try:
            return self._newest.take(self._frozen_s)
        except TimeoutError as error:
            raise SourceError(
                f"{self.name}: no frame for {self._frozen_s:g} s: unplugged, or its driver is frozen"
            ) from error

    def _read(self) -> None:
        sequence = 0
        try:
            while not self._closed.is_set():
                shot = self._capture.read()
                if shot is not None:
                    self._newest.put((sequence, shot))
                    sequence += 1
        except SourceError as error:
            self._newest.fail(error)
        except Exception as error:  # noqa: BLE001  (whatever a driver's binding raises must not end in this thread)
            self._newest.fail(SourceError(f"{self.name}: {type(error).__name__}: {error}"))
        finally:
            self._capture.close()
