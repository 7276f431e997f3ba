"""The loop: one named phase at a time, a watchdog that hears of progress alone, privacy that closes the camera."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from loops import Bench

from edge.errors import SourceError, StuckError
from edge.intake import STUCK_PRIVATE_S, STUCK_S
from edge.messages import Phase, State
from edge.notify import Notifier
from edge.sources.fake import FakeClock, FakeSource
from edge.vitals import Vitals

WATCHDOG_S = 10.0


class Listening(FakeClock):
    """A clock that notes what the service manager had heard by each moment it was asked to wait."""

    def __init__(self, manager: socket.socket, until_s: float) -> None:
        super().__init__()
        self.manager = manager
        self.until_s = 1000 + until_s
        self.pings_s: list[float] = []
        self.statuses: list[str] = []
        self.end = lambda: None
        self.last_word = ""
        self.notifier = Notifier()

    def wait(self, event: threading.Event, timeout_s: float) -> None:
        self.hear()
        super().wait(event, timeout_s)
        if self.monotonic() >= self.until_s:
            self.end()

    def hear(self) -> None:
        while True:
            try:
                words = self.manager.recv(4096).decode()
            except BlockingIOError:
                return
            self.last_word = words
            if words == "WATCHDOG=1":
                self.pings_s.append(self.monotonic() - 1000)
            elif words.startswith("STATUS="):
                self.statuses.append(words.removeprefix("STATUS="))


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[Listening]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        clock = Listening(manager, 10 * WATCHDOG_S)
        yield clock
        clock.notifier.close()


def watched(folder: Path, clock: Listening, *sources: FakeSource | Exception) -> Bench:
    """A bench whose service manager is a real socket and whose loop ends when ten watchdog periods are over."""
    notifier = Notifier(clock.manager.getsockname(), clock=clock.monotonic, watchdog_s=WATCHDOG_S)
    clock.notifier = notifier
    bench = Bench(folder, sources, clock=clock, notifier=notifier)
    clock.end = bench.core.stop.ask
    return bench


def longest_silence_s(clock: Listening, end_s: float = 10 * WATCHDOG_S) -> float:
    moments = [0.0, *clock.pings_s, end_s]
    return max(later - earlier for earlier, later in itertools.pairwise(moments))


def test_ten_watchdog_periods_with_privacy_on_give_no_restart(tmp_path: Path, clock: Listening) -> None:
    bench = watched(tmp_path, clock)
    bench.core.privacy.set(True, by="test")
    bench.loop.run()
    assert longest_silence_s(clock) < WATCHDOG_S / 2
    assert bench.opened_s == [], "no camera was touched"
    assert clock.statuses == ["private, the camera is closed"]


def test_ten_watchdog_periods_without_a_camera_give_no_restart_and_attempts_go_on(
    tmp_path: Path, clock: Listening
) -> None:
    bench = watched(tmp_path, clock, *[SourceError("no camera")] * 100)
    bench.loop.run()
    assert longest_silence_s(clock) < WATCHDOG_S / 2
    assert bench.opened_s == [0, 1, 3, 7, 15, 31, 61, 91]
    assert clock.statuses[-1] == "no-source, no camera"
    assert bench.ear.phases() == ["no-source"]


def test_while_running_the_watchdog_hears_of_nothing_but_frames_that_went_through(
    tmp_path: Path, clock: Listening
) -> None:
    bench = watched(tmp_path, clock)

    def frames() -> Iterator:
        yield from bench.frames(50)
        clock.hear()
        heard = len(clock.pings_s)
        clock.pass_by(60)  # the camera gives nothing for a minute
        clock.hear()
        assert len(clock.pings_s) == heard > 0
        yield from bench.frames(5)

    bench.intake.source = FakeSource(frames(), "ends")
    bench.loop.run()
    clock.hear()
    assert longest_silence_s(clock, 65.5) >= 60


class Switching(FakeClock):
    """Switches privacy off after so many turns without frames."""

    turns = 0

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after
        self.switch = lambda: None

    def wait(self, event: threading.Event, timeout_s: float) -> None:
        super().wait(event, timeout_s)
        self.turns += 1
        if self.turns == self.after:
            self.switch()


def test_privacy_closes_the_camera_and_off_opens_it_again_at_once(tmp_path: Path) -> None:
    clock = Switching(after=20)
    bench = Bench(tmp_path, [], clock=clock)
    privacy = bench.core.privacy
    privacy.subscribe(lambda on: bench.intake.close() if on else None)
    clock.switch = lambda: privacy.set(False, by="test")

    def frames() -> Iterator:
        for number, frame in enumerate(bench.frames(100)):
            if number == 3:
                privacy.set(True, by="test")
            yield frame

    first, second = FakeSource(frames()), FakeSource(bench.frames(5))
    bench._sources = iter([first, second])
    bench.loop.run()
    assert first.closed.is_set()
    assert [reading.frame.sequence for reading in bench.ear.readings] == [0, 1, 2, *range(5)]
    assert bench.ear.phases()[:3] == ["running", "private", "running"]
    assert clock.turns >= 20
    assert bench.opened_s[1] == pytest.approx(20.4, abs=1.1), "without waiting"


def test_a_lost_camera_is_opened_again_and_the_phases_are_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path, [])
    bench._sources = iter([FakeSource(bench.frames(3)), SourceError("away"), FakeSource(bench.frames(4))])
    bench.loop.run()
    assert len(bench.ear.readings) == 7
    assert bench.ear.phases() == ["running", "no-source", "running", "no-source"]
    assert bench.core.counts.lost == 2
    assert bench.core.counts.reopened >= 2


def test_a_camera_that_opens_but_gives_nothing_is_not_hammered(tmp_path: Path) -> None:
    bench = Bench(tmp_path, [FakeSource([]) for _ in range(5)])
    bench.loop.run()
    assert bench.opened_s == [0, 1, 3, 7, 15, 31]
    assert Phase.RUNNING not in bench.ear.phases()


def test_a_file_that_breaks_is_raised_and_one_that_ends_ends_the_run(tmp_path: Path) -> None:
    for ending in ("lost", "ends"):
        bench = Bench(tmp_path, [])
        source = FakeSource(bench.frames(3), ending)  # type: ignore[arg-type]
        source.live = False
        bench.intake.source = source
        if ending == "lost":
            with pytest.raises(SourceError, match="unplugged"):
                bench.loop.run()
        else:
            bench.loop.run()
        assert len(bench.ear.readings) == 3


def test_a_driver_that_never_lets_go_ends_the_process_for_a_new_start(tmp_path: Path) -> None:
    bench = Bench(tmp_path, [])
    bench.intake.source = FakeSource(bench.frames(3), deaf=10_000)
    began_s = bench.clock.monotonic()
    with pytest.raises(StuckError, match=r"fake source: its driver has not answered for 15 s"):
        bench.loop.run()
    assert bench.clock.monotonic() - began_s == pytest.approx(STUCK_S, abs=2)
    assert StuckError.status != 0


def test_a_driver_that_keeps_the_camera_open_against_privacy_ends_the_process_sooner(tmp_path: Path) -> None:
    bench = Bench(tmp_path, [])
    bench.intake.source = FakeSource(bench.frames(3), deaf=10_000)
    bench.core.privacy.set(True, by="test")
    began_s = bench.clock.monotonic()
    with pytest.raises(StuckError):
        bench.loop.run()
    assert bench.clock.monotonic() - began_s == pytest.approx(STUCK_PRIVATE_S, abs=1)
    assert Phase.PRIVATE not in bench.ear.phases(), "it is not called private before the camera is closed"


def test_a_driver_that_answers_late_is_waited_for_before_the_camera_is_opened_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, [FakeSource([], "ends")])
    bench.intake.source = FakeSource(bench.frames(1), deaf=5)
    bench.loop.run()
    assert bench.opened_s[0] >= 4


def test_the_number_of_frames_asked_for_is_the_number_let_through(tmp_path: Path) -> None:
    bench = Bench(tmp_path, [], frames=3)
    bench.intake.source = FakeSource(bench.frames(10))
    bench.loop.run()
    assert len(bench.ear.readings) == 3


def test_the_target_rate_leaves_frames_out_and_counts_them(tmp_path: Path) -> None:
    bench = Bench(tmp_path, [])
    bench.loop.fps = 5.0
    bench.intake.source = FakeSource(bench.frames(31), "ends")
    bench.loop.run()
    assert [reading.frame.sequence for reading in bench.ear.readings] == list(range(0, 31, 2))
    assert bench.core.counts.skipped == 15


def test_more_memory_than_is_allowed_ends_it_for_a_new_start_with_a_reason(tmp_path: Path) -> None:
    memory = iter([100_000_000, 100_000_000, 500_000_000])
    bench = Bench(tmp_path, [], look=lambda: Vitals(next(memory), 50.0, throttled=False))
    bench.loop.max_rss_mb = 400
    bench.intake.source = FakeSource(bench.frames(1000))
    bench.loop.run()
    assert bench.core.stop.again.startswith("500 MB of memory are resident, service.max_rss_mb = 400")
    assert len(bench.ear.readings) == 41
    assert bench.core.counts.rss_bytes == 500_000_000


def test_heat_reduces_step_by_step_and_state_says_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path, [], look=lambda: Vitals(1, 85.0, throttled=False))
    bench.intake.source = FakeSource(bench.frames(100), "ends")
    bench.loop.run()
    told = [event.reduced for event in bench.ear.events if isinstance(event, State)]
    assert told[0] == ()
    assert told[-1] == ("detection_half", "detection_quarter", "one_crop")
    assert bench.core.state.status.reduced == told[-1]


def test_the_end_is_told_to_manager_and_listeners(tmp_path: Path, clock: Listening) -> None:
    bench = watched(tmp_path, clock)
    bench.intake.source = FakeSource(bench.frames(3), "ends")
    bench.loop.run()
    bench.loop.stopping()
    assert bench.ear.phases() == ["running", "stopping"]
    clock.hear()
    assert clock.last_word == "STOPPING=1\nSTATUS=stopping"


def test_requests_are_done_between_frames_and_in_every_turn_without(tmp_path: Path) -> None:
    bench = Bench(tmp_path, [SourceError("away")])
    done: list[str] = []

    def frames() -> Iterator:
        for frame in bench.frames(3):
            threading.Thread(target=lambda: bench.core.requests.ask(lambda: done.append("frame"))).start()
            assert bench.core.requests.wake.wait(10)
            yield frame

    bench.intake.source = FakeSource(frames(), "lost")
    bench.loop.run()
    assert done == ["frame"] * 3
