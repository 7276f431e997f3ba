"""The loop's phase: one holder, told to whoever listens."""

import threading

from edge.messages import Phase
from edge.state import LoopState, Status


def test_it_begins_with_starting_and_tells_each_change_once() -> None:
    now_s = 10.0
    state = LoopState(lambda: now_s)
    heard: list[Status] = []
    state.subscribe(heard.append)
    now_s = 12.0
    state.enter(Phase.RUNNING, "demo")
    now_s = 15.0
    state.enter(Phase.RUNNING, "demo")
    state.enter(Phase.NO_SOURCE, "unplugged")
    assert heard == [Status(Phase.RUNNING, "demo", 12.0), Status(Phase.NO_SOURCE, "unplugged", 15.0)]
    assert state.entered[Phase.STARTING] == state.entered[Phase.RUNNING] == state.entered[Phase.NO_SOURCE] == 1


def test_another_note_is_told_but_begins_no_new_phase() -> None:
    now_s = 0.0
    state = LoopState(lambda: now_s)
    state.enter(Phase.NO_SOURCE, "waiting")
    now_s = 9.0
    state.enter(Phase.NO_SOURCE, "still waiting")
    assert state.status == Status(Phase.NO_SOURCE, "still waiting", 0.0)
    assert state.entered[Phase.NO_SOURCE] == 1


def test_what_is_reduced_is_said_and_outlives_a_change_of_phase() -> None:
    state = LoopState(lambda: 0.0)
    state.enter(Phase.RUNNING, "demo")
    state.reduce(("detection", "crops"))
    assert state.status.line == "running, demo (reduced: detection, crops)"
    state.enter(Phase.PRIVATE)
    assert state.status.reduced == ("detection", "crops")
    state.reduce(())
    assert state.status.line == "private"


def test_a_listener_that_fails_stops_neither_the_loop_nor_other_listeners() -> None:
    state = LoopState()
    heard = []

    def fail(_status: Status) -> None:
        raise RuntimeError("broken")

    state.subscribe(fail)
    state.subscribe(heard.append)
    state.enter(Phase.RUNNING)
    assert len(heard) == 1


def test_another_thread_can_wait_for_a_phase() -> None:
    state = LoopState()
    assert not state.wait_for(Phase.PRIVATE, 0)
    setter = threading.Thread(target=lambda: state.enter(Phase.PRIVATE))
    setter.start()
    assert state.wait_for(Phase.PRIVATE, 10)
    setter.join()
