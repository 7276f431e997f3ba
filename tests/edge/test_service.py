"""The service: a lost camera is opened again, a file that ends or breaks is not, signals end the loop."""

import os
import signal
from collections.abc import Iterator

import numpy as np
import pytest

from edge import service
from edge.config import SourceConfig
from edge.errors import SourceError
from edge.messages import Frame

FRAME = Frame(np.zeros((4, 4), np.uint8), 0.0, 0.0)


class Camera:
    """Gives so many frames, then is lost (or ends)."""

    def __init__(self, frames: int, *, live: bool = True, lost: bool = True) -> None:
        self.name, self.live, self.dropped = "camera", live, 0
        self.closed = False
        self._frames, self._lost = frames, lost

    def __iter__(self) -> Iterator[Frame]:
        for _ in range(self._frames):
            yield FRAME
        if self._lost:
            raise SourceError("camera: unplugged")

    def close(self) -> None:
        self.closed = True


class PatientStop(service.Stop):
    """Writes down how long it would have waited, and asks to stop when its patience is over."""

    def __init__(self, patience: int) -> None:
        super().__init__()
        self.waits: list[float] = []
        stop = self

        class Asked:
            def is_set(self) -> bool:
                return len(stop.waits) >= patience

            def wait(self, seconds: float) -> bool:
                stop.waits.append(seconds)
                return self.is_set()

        self.asked = Asked()  # type: ignore[assignment]


def test_a_lost_camera_is_opened_again_and_the_frames_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Camera(2), Camera(3)
    monkeypatch.setattr(service, "open_source", lambda _config: second)
    stop = PatientStop(patience=2)
    frames = service.Reopened(first, SourceConfig(), stop)
    assert len(list(frames)) == 5
    assert first.closed
    assert stop.waits == [1.0, 1.0]


def test_a_camera_that_stays_away_is_asked_for_ever_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_config: SourceConfig) -> None:
        raise SourceError("no camera")

    monkeypatch.setattr(service, "open_source", absent)
    stop = PatientStop(patience=8)
    assert len(list(service.Reopened(Camera(1), SourceConfig(), stop))) == 1
    assert stop.waits == [1, 2, 4, 8, 16, 30, 30, 30]


def test_a_camera_that_opens_but_gives_nothing_is_not_hammered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "open_source", lambda _config: Camera(0))
    stop = PatientStop(patience=4)
    assert list(service.Reopened(Camera(0), SourceConfig(), stop)) == []
    assert stop.waits == [1, 2, 4, 8]


def test_a_file_that_ends_ends_the_run_and_one_that_breaks_says_so() -> None:
    stop = PatientStop(patience=1)
    assert len(list(service.Reopened(Camera(3, live=False, lost=False), SourceConfig(), stop))) == 3
    with pytest.raises(SourceError, match="unplugged"):
        list(service.Reopened(Camera(3, live=False), SourceConfig(), stop))
    assert stop.waits == []


def test_the_number_of_frames_asked_for_is_the_number_let_through() -> None:
    stop = service.Stop(frames=3)
    assert [stop.go_on(FRAME) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_to_stop_and_the_handlers_are_put_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    stop = service.Stop()
    with service.stopped_by_signals(stop):
        assert stop.go_on(FRAME)
        os.kill(os.getpid(), number)
        assert not stop.go_on(FRAME)
    assert signal.getsignal(number) == before
