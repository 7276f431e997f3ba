"""What is too old or too much goes, slowly, and nothing goes by a clock that may be wrong."""

from __future__ import annotations

import ctypes
import logging
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from history_days import NOON_S, FakeClock, recording, rows

from edge.sinks.history import HistorySink, clock
from edge.sinks.history.clock import BEGINNING_S, SystemClock, kernel_synchronized
from edge.sinks.history.notes import EventRow, Minute, Notes, Presence
from edge.sinks.history.retention import DAY_S, PASS_EVERY_S

AGE_DAYS = 30


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def record(sink: HistorySink, *times_s: float) -> None:
    """An event and a minute of presence at each of these times."""
    notes = Notes()
    notes.add_events(
        EventRow("face_left", round(t * 1000), 0, "door", 0, "a", None, None, None, 1.0) for t in times_s
    )
    for time_s in times_s:
        notes.add_presence(Minute(int(time_s // 60), "fear"), Presence(1.0, 0.0))
    sink._store.write(notes)


def days_ago(days: float) -> float:
    return NOON_S - days * DAY_S


def left(file: Path) -> tuple[int, int]:
    """How many (events, minutes) there are."""
    return rows(file, "SELECT count(*) FROM events")[0][0], rows(file, "SELECT count(*) FROM presence")[0][0]


def one_pass(sink: HistorySink, time: FakeClock) -> None:
    time.monotonic_s += PASS_EVERY_S
    sink.write()


def test_what_is_older_than_the_limit_goes_a_tenth_at_a_time_the_oldest_first(file: Path) -> None:
    time = FakeClock()
    with recording(file, time, max_age_days=AGE_DAYS) as sink:
        record(sink, *(days_ago(AGE_DAYS + 10 - n / 10) for n in range(200)))  # half of them too old
        counts = [left(file)]
        for _ in range(40):
            one_pass(sink, time)
            counts.append(left(file))
        (oldest_ms,) = rows(file, "SELECT min(time_ms) FROM events")[0]
    assert counts[0] == (200, 200)
    assert counts[1] == (180, 180)
    for before, after in pairwise(counts):
        assert after[0] >= before[0] - before[0] // 10
        assert after[1] >= before[1] - before[1] // 10
    assert counts[-1] == (100, 100), "what is not too old stays"
    assert oldest_ms >= days_ago(AGE_DAYS) * 1000


def test_the_last_few_rows_go_too(file: Path) -> None:
    time = FakeClock()
    with recording(file, time, max_age_days=AGE_DAYS) as sink:
        record(sink, days_ago(AGE_DAYS + 2), days_ago(AGE_DAYS + 1))
        for expected in ((1, 1), (0, 0), (0, 0)):
            one_pass(sink, time)
            assert left(file) == expected


def test_a_pass_comes_once_an_hour(file: Path) -> None:
    time = FakeClock()
    with recording(file, time, max_age_days=AGE_DAYS) as sink:
        record(sink, *(days_ago(AGE_DAYS + 1 + n) for n in range(20)))
        sink.write()
        assert left(file) == (18, 18)
        time.monotonic_s += PASS_EVERY_S - 1
        sink.write()
        assert left(file) == (18, 18)
        time.monotonic_s += 1
        sink.write()
        assert left(file) == (17, 17)


def test_nothing_ages_while_the_clock_is_not_known_to_be_right(file: Path) -> None:
    time = FakeClock(NOON_S + 5000 * DAY_S, known=False)  # years ahead, as after a flipped bit
    with recording(file, time, max_age_days=AGE_DAYS) as sink:
        record(sink, *(days_ago(n) for n in range(20)))
        for _ in range(5):
            one_pass(sink, time)
        assert left(file) == (20, 20)
        time.epoch_s, time.known = NOON_S, True
        one_pass(sink, time)
        assert left(file) == (20, 20)
        time.epoch_s += (AGE_DAYS + 10) * DAY_S
        one_pass(sink, time)
        assert left(file) == (18, 18)


def test_rows_of_a_clock_that_was_never_set_do_not_look_old(file: Path) -> None:
    time = FakeClock()
    with recording(file, time, max_age_days=AGE_DAYS) as sink:
        record(sink, *(3600.0 * n for n in range(1, 21)))  # the first of January 1970
        for _ in range(5):
            one_pass(sink, time)
        assert left(file) == (20, 20)
        time.epoch_s = BEGINNING_S - 1  # nor does such a clock age anything
        one_pass(sink, time)
        assert left(file) == (20, 20)


def fill(sink: HistorySink, first_s: float, count: int) -> None:
    notes = Notes(events_max=count)
    notes.add_events(
        EventRow("emotion_changed", round(first_s * 1000) + n, n, "door", n, "a1b2c3", "fear", "anger", 0.5, None)
        for n in range(count)
    )
    sink._store.write(notes)


def test_too_large_a_history_loses_its_oldest_tenth_whatever_the_clock_says(file: Path) -> None:
    time = FakeClock(known=False)
    with recording(file, time, max_size_mb=1) as sink:
        fill(sink, NOON_S, 8_000)
        fill(sink, 3600, 8_000)  # later, with a clock that has lost its time
        (first,) = rows(file, "SELECT min(id) FROM events")[0]
        assert (left(file)[0], first) == (16_000, 1)
        one_pass(sink, time)
        (first,) = rows(file, "SELECT min(id) FROM events")[0]
        assert (left(file)[0], first) == (14_400, 1601), "the order in which they came decides"
        for _ in range(10):
            one_pass(sink, time)
        settled = left(file)[0]
        assert 7_000 < settled < 12_000
    assert file.stat().st_size <= 1_000_000


def test_a_lower_limit_makes_the_file_smaller(file: Path) -> None:
    with recording(file, max_size_mb=64) as sink:
        fill(sink, NOON_S, 20_000)
    large = file.stat().st_size
    time = FakeClock()
    with recording(file, time, max_size_mb=1) as sink:
        one_pass(sink, time)
    assert 0.85 * large < file.stat().st_size < 0.95 * large
    with recording(file, time, max_size_mb=1) as sink:
        for _ in range(12):
            one_pass(sink, time)
    assert file.stat().st_size <= 1_000_000
    assert rows(file, "PRAGMA integrity_check") == [("ok",)]


def test_age_and_size_together_take_no_more_than_a_tenth(file: Path) -> None:
    time = FakeClock()
    with recording(file, time, max_age_days=AGE_DAYS, max_size_mb=1) as sink:
        fill(sink, days_ago(AGE_DAYS + 1), 500)
        fill(sink, NOON_S, 11_500)
        one_pass(sink, time)
        assert left(file)[0] == 10_800


def test_what_goes_is_said_in_the_log(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    time = FakeClock()
    with recording(file, time, max_age_days=AGE_DAYS) as sink, caplog.at_level(logging.INFO):
        record(sink, days_ago(AGE_DAYS + 1))
        one_pass(sink, time)
    assert [record.message for record in caplog.records] == ["history: the oldest 2 rows are removed"]


def test_the_clock_is_believed_once_timesyncd_or_the_kernel_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamp = tmp_path / "synchronized"
    monkeypatch.setattr(clock, "TIMESYNCD_STAMP", stamp)
    for state, believed in ((0, True), (5, False), (-1, False)):
        libc = SimpleNamespace(adjtimex=lambda _timex, state=state: state)
        monkeypatch.setattr(ctypes, "CDLL", lambda _name, libc=libc: libc)
        assert SystemClock().synchronized() is believed
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: SimpleNamespace())
    assert SystemClock().synchronized() is False
    stamp.touch()
    assert SystemClock().synchronized() is True


def test_the_kernel_answers_and_its_clock_is_left_as_it_is() -> None:
    assert kernel_synchronized() in {True, False}
    assert kernel_synchronized() == kernel_synchronized()


def test_a_boot_has_an_id() -> None:
    assert len(SystemClock().boot_id()) == 36
    assert SystemClock().boot_id() == SystemClock().boot_id()
