"""When a frame of a recording is due, and which come too late."""

import itertools
import threading

import pytest

from edge.sources.fake import FakeClock
from edge.sources.pace import MAX_SKIP_S, Pace, SystemClock

PERIOD_S = 0.1


def test_in_real_time_every_frame_waits_until_it_is_due() -> None:
    clock, closed = FakeClock(monotonic_s=50.0), threading.Event()
    pace = Pace(clock, realtime=True)
    for number in range(4):
        assert not pace.is_late(number * PERIOD_S, PERIOD_S)
        assert pace.wait(number * PERIOD_S, closed)
        assert clock.monotonic() == pytest.approx(50 + number * PERIOD_S)
        assert pace.clock_s(number * PERIOD_S) == pytest.approx(clock.monotonic())


def test_a_clip_that_begins_late_does_not_wait_for_its_beginning() -> None:
    clock = FakeClock(monotonic_s=50.0)
    pace = Pace(clock, realtime=True)
    assert not pace.is_late(7.0, PERIOD_S)
    assert pace.wait(7.0, threading.Event())
    assert clock.monotonic() == 50.0


def test_a_frame_is_late_once_the_next_one_is_due() -> None:
    clock = FakeClock()
    pace = Pace(clock, realtime=True)
    pace.wait(0.0, threading.Event())
    clock.pass_by(0.35)
    assert [pace.is_late(number * PERIOD_S, PERIOD_S) for number in (1, 2, 3)] == [True, True, False]


def test_a_machine_that_cannot_keep_up_shows_a_frame_a_second_at_least() -> None:
    clock, closed = FakeClock(), threading.Event()
    pace = Pace(clock, realtime=True)
    shown = []
    for number in range(60):
        clock.pass_by(2 * PERIOD_S)  # decoding takes twice as long as playing
        position_s = number * PERIOD_S
        if not pace.is_late(position_s, PERIOD_S):
            pace.wait(position_s, closed)
            shown.append(position_s)
    gaps = [later - earlier for earlier, later in itertools.pairwise(shown)]
    assert len(shown) > 3
    assert max(gaps) <= MAX_SKIP_S + PERIOD_S


def test_without_real_time_nothing_waits_and_nothing_is_late() -> None:
    clock = FakeClock()
    pace = Pace(clock, realtime=False)
    for number in range(4):
        clock.pass_by(10)
        assert not pace.is_late(number * PERIOD_S, PERIOD_S)
        assert pace.wait(number * PERIOD_S, threading.Event())
        assert pace.clock_s(number * PERIOD_S) == number * PERIOD_S
    assert clock.monotonic() == 1040.0


@pytest.mark.parametrize("realtime", [True, False])
def test_nothing_is_due_once_closed(realtime: bool) -> None:
    closed = threading.Event()
    closed.set()
    assert not Pace(FakeClock(), realtime=realtime).wait(0.0, closed)


def test_the_machines_own_clock_stops_waiting_when_the_event_is_set() -> None:
    closed = threading.Event()
    closed.set()
    clock = SystemClock()
    before = clock.monotonic()
    clock.wait(closed, 3600)
    assert clock.monotonic() >= before
    assert clock.epoch() > 1.7e9
