"""The newest frame wins, what was dropped is counted, and a lost camera is said to be lost."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from edge.errors import SourceError
from edge.sources.fake import Ending, FakeCapture, FakeClock
from edge.sources.newest import DAMAGED_IN_A_ROW, LiveSource, Newest, Shot

PATIENCE_S = 10.0


def shots(*times_s: float) -> list[Shot]:
    """One shot for each time, its pixels numbered from 0."""
    return [Shot(np.full((2, 3), number, np.uint8), time_s) for number, time_s in enumerate(times_s)]


@contextmanager
def live(
    taken: list[Shot], ending: Ending = "goes on", **changes: float
) -> Iterator[tuple[LiveSource, FakeCapture]]:
    """A source that has already read all its shots, so that what it gives does not hang on threads."""
    capture = FakeCapture(taken, ending)
    source = LiveSource(capture, FakeClock(), **changes)
    try:
        assert capture.all_read.wait(PATIENCE_S)
        yield source, capture
    finally:
        capture.thaw.set()
        source.close()


def test_the_slot_keeps_the_newest_and_counts_what_it_replaced() -> None:
    slot: Newest[int] = Newest()
    for number in range(5):
        slot.put(number)
    assert slot.take(0) == 4
    assert slot.replaced == 4


def test_an_empty_slot_times_out() -> None:
    slot: Newest[int] = Newest()
    slot.put(1)
    slot.take(0)
    with pytest.raises(TimeoutError):
        slot.take(0)
    assert slot.replaced == 0


def test_taking_waits_for_another_thread_to_put() -> None:
    slot: Newest[int] = Newest()
    threading.Timer(0.01, slot.put, [7]).start()
    assert slot.take(PATIENCE_S) == 7


def test_what_was_put_before_the_end_is_still_given() -> None:
    slot: Newest[int] = Newest()
    slot.put(1)
    slot.fail(SourceError("camera: unplugged"))
    assert slot.take(0) == 1
    for _ in range(2):
        with pytest.raises(SourceError, match="unplugged"):
            slot.take(0)


def test_a_closed_slot_gives_none_even_where_something_is_in_it() -> None:
    slot: Newest[int] = Newest()
    slot.put(1)
    slot.close()
    assert slot.take(0) is None


def test_closing_wakes_the_one_who_waits() -> None:
    slot: Newest[int] = Newest()
    threading.Timer(0.01, slot.close).start()
    assert slot.take(PATIENCE_S) is None


def test_a_slow_reader_gets_the_newest_frame_and_the_count_of_the_others() -> None:
    with live(shots(1.0, 1.1, 1.2, 1.3)) as (source, _):
        frame = next(iter(source))
        assert (frame.sequence, int(frame.luma[0, 0])) == (3, 3)
        assert source.dropped == 3


def test_the_wall_clock_of_a_frame_is_when_it_was_taken_not_when_it_was_read() -> None:
    clock = FakeClock(monotonic_s=100.0, epoch_s=1.7e9)
    capture = FakeCapture(shots(99.75))
    source = LiveSource(capture, clock)
    frame = next(iter(source))
    assert (frame.time_s, frame.captured_at) == (99.75, 1.7e9 - 0.25)
    source.close()


def test_time_grows_even_where_a_drivers_stamps_stand_still_or_go_back() -> None:
    turn = threading.Semaphore(1)

    def in_turn() -> Iterator[Shot]:
        for shot in shots(5.0, 5.0, 4.0, 6.0):
            turn.acquire()
            yield shot

    source = LiveSource(FakeCapture(in_turn()), FakeClock())
    times = []
    for frame in itertools.islice(source, 4):
        times.append(frame.time_s)
        turn.release()
    source.close()
    assert times[0] == 5.0
    assert times[-1] == 6.0
    assert all(later > earlier for earlier, later in itertools.pairwise(times))
    assert times[2] == pytest.approx(5.0, abs=1e-3)


def test_an_unplugged_camera_gives_its_last_frame_and_then_says_so() -> None:
    with live(shots(1.0), "unplugged") as (source, capture):
        frames = iter(source)
        assert next(frames).sequence == 0
        with pytest.raises(SourceError, match=r"^fake camera: unplugged$"):
            next(frames)
        assert capture.closed.wait(PATIENCE_S)


@pytest.mark.parametrize("ending", ["goes on", "frozen"])
def test_a_camera_that_gives_nothing_for_too_long_is_lost(ending: Ending) -> None:
    with live(shots(1.0), ending, frozen_s=0.0) as (source, _):
        frames = iter(source)
        next(frames)
        with pytest.raises(SourceError, match=r"no frame for 0 s: unplugged, or its driver is frozen"):
            next(frames)


def test_closing_says_whether_the_driver_has_let_go_and_may_be_asked_again() -> None:
    with live(shots(1.0), "frozen", close_wait_s=0.0) as (source, capture):
        assert source.close() is False
        assert not capture.closed.is_set()
        assert list(source) == [], "the frame that waited is gone, too"
        assert source.close() is False
        capture.thaw.set()
        assert capture.closed.wait(PATIENCE_S)
        source._reader.join(PATIENCE_S)
        assert source.close() is True


def test_the_capture_is_closed_by_the_thread_that_reads_it() -> None:
    with live(shots(1.0)) as (source, capture):
        source.close()
        assert capture.closed.is_set()


def test_whatever_a_driver_raises_ends_in_one_line() -> None:
    def broken() -> Iterator[Shot]:
        raise ZeroDivisionError("in the binding")
        yield

    source = LiveSource(FakeCapture(broken()), FakeClock())
    with pytest.raises(SourceError, match=r"^fake camera: ZeroDivisionError: in the binding$"):
        next(iter(source))
    source.close()


def damaged(number: int) -> Iterator[Shot]:
    return iter([Shot(np.empty(0, np.uint8), float(n)) for n in range(number)])


def in_step(taken: Iterator[Shot], turn: threading.Semaphore) -> Iterator[Shot]:
    for shot in taken:
        turn.acquire()
        yield shot


class CountingCapture(FakeCapture):
    """Lets the next shot come only once the one before was converted."""

    def __init__(self, taken: Iterator[Shot]) -> None:
        self.turn = threading.Semaphore(1)
        super().__init__(in_step(taken, self.turn))

    def luma(self, buffer: np.ndarray) -> np.ndarray | None:
        self.turn.release()
        return super().luma(buffer)


def test_a_damaged_frame_is_left_out_and_counted() -> None:
    capture = CountingCapture(itertools.chain(damaged(2), shots(10.0)))
    source = LiveSource(capture, FakeClock())
    frame = next(iter(source))
    assert frame.sequence == 2
    assert source.dropped == 2
    source.close()


def test_a_camera_that_gives_only_damaged_frames_is_lost() -> None:
    source = LiveSource(CountingCapture(damaged(DAMAGED_IN_A_ROW)), FakeClock())
    with pytest.raises(SourceError, match="only damaged frames"):
        next(iter(source))
    assert source.dropped == DAMAGED_IN_A_ROW
    source.close()
