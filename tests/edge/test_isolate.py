"""A sink that blocks holds up nobody, loses the oldest events first, and its errors are heard."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from waiting import until

from edge.core import Core
from edge.errors import SinkError
from edge.isolate import WAITING_MAX, Isolated
from edge.messages import Event, FaceLeft, Frame, Reading
from edge.privacy import Privacy


@pytest.fixture
def core(tmp_path: Path) -> Core:
    return Core(Privacy(tmp_path / "privacy.json"))


def left(number: int) -> FaceLeft:
    return FaceLeft(
        time=datetime.now(UTC), time_s=number, camera="door", frame=number, track="a", emotion=None, duration_s=1.0
    )


class Pipe:
    """A sink that blocks while `free` is not set."""

    def __init__(self, error: Exception | None = None) -> None:
        self.free, self.entered, self.closed = threading.Event(), threading.Event(), threading.Event()
        self.frames: list[int] = []
        self.error = error

    def tell(self, events: Sequence[Event]) -> None:
        self.entered.set()
        self.free.wait(20)
        if self.error:
            raise self.error
        self.frames += [event.frame for event in events]

    def publish(self, reading: Reading) -> None:
        raise AssertionError("only events are handed on, never a picture")

    def close(self) -> None:
        self.closed.set()


def test_events_arrive_in_order_and_the_picture_does_not(core: Core) -> None:
    pipe = Pipe()
    pipe.free.set()
    isolated = Isolated(pipe, core)
    frame = Frame(np.zeros((4, 4), np.uint8), 0.0, 0.0)
    for number in range(100):
        isolated.publish(Reading(frame, (), (left(number),)))
    isolated.close()
    assert pipe.frames == list(range(100))
    assert pipe.closed.is_set()


def test_a_blocked_sink_holds_up_nobody_and_the_oldest_give_way(
    core: Core, caplog: pytest.LogCaptureFixture
) -> None:
    pipe = Pipe()
    isolated = Isolated(pipe, core)
    isolated.tell([left(0)])
    assert pipe.entered.wait(10)
    with caplog.at_level(logging.WARNING):
        for number in range(1, WAITING_MAX + 101):
            isolated.tell([left(number)])
    assert isolated.dropped == 100
    assert len(caplog.records) == 1
    pipe.free.set()
    isolated.close()
    assert pipe.frames == [0, *range(101, WAITING_MAX + 101)]


def test_what_waits_is_forgotten_when_privacy_is_turned_on(core: Core) -> None:
    pipe = Pipe()
    isolated = Isolated(pipe, core)
    isolated.tell([left(0)])
    assert pipe.entered.wait(10)
    isolated.tell([left(1), left(2)])
    assert core.queues["pipe"]().length == 2
    core.privacy.set(on=True, by="test")
    assert core.queues["pipe"]().length == 0
    isolated.tell([left(3)])
    core.privacy.set(on=False, by="test")
    pipe.free.set()
    isolated.close()
    assert pipe.frames == [0, 3]
    assert isolated.dropped == 0
    assert "pipe" not in core.queues


def test_closing_does_not_wait_for_ever_for_a_sink_that_does(core: Core, caplog: pytest.LogCaptureFixture) -> None:
    pipe = Pipe()
    isolated = Isolated(pipe, core)
    isolated.tell([left(0)])
    assert pipe.entered.wait(10)
    isolated.tell([left(1)])
    isolated.close()
    assert "does not take what is left: 1 events" in caplog.text
    pipe.free.set()
    isolated._thread.join(10)


@pytest.mark.parametrize("error", [SinkError("disk full"), BrokenPipeError(), ZeroDivisionError()])
def test_what_the_sink_raises_is_heard_with_the_next_reading(core: Core, error: Exception) -> None:
    pipe = Pipe(error)
    pipe.free.set()
    isolated = Isolated(pipe, core)
    isolated.tell([left(0)])
    until(lambda: isolated._error)
    with pytest.raises(BrokenPipeError if isinstance(error, BrokenPipeError) else SinkError):
        isolated.tell([])
    isolated.close()


def test_a_sink_that_works_again_is_believed_again(core: Core) -> None:
    pipe = Pipe(SinkError("disk full"))
    pipe.free.set()
    isolated = Isolated(pipe, core)
    isolated.tell([left(0)])
    until(lambda: isolated._error)
    pipe.error = None
    with pytest.raises(SinkError, match="disk full"):
        isolated.tell([left(1)])
    until(lambda: isolated._error is None)
    isolated.tell([left(2)])
    isolated.close()
    assert pipe.frames == [1, 2]
