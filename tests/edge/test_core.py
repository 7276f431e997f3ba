"""Requests of other threads: done by the loop between two frames, answered, bounded."""

import threading
from collections.abc import Callable

import pytest

from edge.core import WAITING_MAX, Requests
from edge.errors import ConfigError, ControlError, MienError


def asked(requests: Requests, act: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    """A thread that asks, and where it leaves what it got."""
    got: list[object] = []

    def ask() -> None:
        try:
            got.append(requests.ask(act, 10))
        except MienError as error:
            got.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    assert requests.wake.wait(10)
    return thread, got


def test_the_loops_thread_does_it_and_the_asker_gets_the_answer() -> None:
    requests = Requests()
    thread, got = asked(requests, threading.current_thread)
    requests.run()
    thread.join()
    assert got == [threading.current_thread()]


def test_what_it_raises_is_the_askers_and_not_the_loops() -> None:
    def refuse() -> None:
        raise ConfigError("source.fps = 0")

    requests = Requests()
    thread, got = asked(requests, refuse)
    requests.run()
    thread.join()
    assert isinstance(got[0], ConfigError)


def test_a_loop_that_does_not_get_to_it_is_said_and_does_not_do_it_later() -> None:
    requests, done = Requests(), []
    with pytest.raises(ControlError, match="did not get to it"):
        requests.ask(lambda: done.append(1), timeout_s=0)
    requests.run()
    assert done == []


def test_no_more_than_a_few_wait() -> None:
    requests = Requests()
    for _ in range(WAITING_MAX):
        with pytest.raises(ControlError):
            requests.ask(lambda: None, timeout_s=0)
    with pytest.raises(ControlError, match="too many"):
        requests.ask(lambda: None, timeout_s=0)
