"""Clients that say nothing, too little, too much, nonsense, or never listen: none costs the others anything."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from web_client import (
    HEAVY,
    TIMEOUT_S,
    ask,
    ask_json,
    next_picture,
    publishing,
    reading,
    serving,
    until,
    watch,
)

from edge.sinks.web import WebSink
from edge.sinks.web.patience import CONNECTIONS_MAX, PatientProtocol

STARTS = (
    b"",
    b"G",
    b"GET / HTTP/1.1\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    b"POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 100\r\n\r\n{",
)
"""Where a request can stop."""


def address(sink: WebSink) -> tuple[str, int]:
    return "127.0.0.1", urlsplit(sink.url).port or 0


@contextlib.contextmanager
def opened(sink: WebSink, starts: list[bytes]) -> Iterator[list[socket.socket]]:
    """One connection for each, which then says no more."""
    with contextlib.ExitStack() as stack:
        clients = []
        for start in starts:
            client = stack.enter_context(socket.create_connection(address(sink), TIMEOUT_S))
            client.sendall(start)
            clients.append(client)
        yield clients


def is_closed(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        while piece := client.recv(4096):
            assert piece
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PatientProtocol, "request_s", 0.3)
    monkeypatch.setattr(PatientProtocol, "send_s", 0.3)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("start", STARTS)
def test_a_request_that_never_ends_is_hung_up_on(start: bytes) -> None:
    with serving() as sink, opened(sink, [start]) as (client,):
        until(lambda: is_closed(client))
        assert ask_json(sink, "/healthz")[0] == 503


@pytest.mark.usefixtures("hasty")
def test_one_that_goes_on_a_byte_at_a_time_is_too() -> None:
    with serving() as sink, opened(sink, [b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "]) as (client,):

        def drip() -> bool:
            with contextlib.suppress(OSError):
                client.sendall(b"x")
            return is_closed(client)

        until(drip)


@pytest.mark.usefixtures("hasty")
def test_a_viewer_that_never_listens_gives_its_seat_back() -> None:
    deaf = b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with serving(fps=60) as sink, publishing(sink, HEAVY), opened(sink, [deaf]):
        until(lambda: sink._hub.watchers == 1)
        until(lambda: sink._hub.watchers == 0)


def test_no_clock_runs_against_a_viewer_that_listens() -> None:
    with serving(fps=60) as sink, publishing(sink), ask(sink, "/stream.mjpg") as answer, watch(sink) as viewer:
        for _ in range(5):
            assert answer.readline()
            next_picture(viewer)
        connections = [one for one in sink._server.server_state.connections if isinstance(one, PatientProtocol)]
        assert connections
        assert [one.waiting for one in connections] == [None] * len(connections)


@pytest.mark.usefixtures("hasty")
def test_a_viewer_on_a_websocket_outlives_the_time_that_a_request_has() -> None:
    with serving(fps=60) as sink, publishing(sink), watch(sink) as viewer:
        with opened(sink, [b""]) as (silent,):
            until(lambda: is_closed(silent))  # it came later, and its time is over
        for _ in range(3):
            next_picture(viewer)


def test_two_hundred_silent_connections_leave_pictures_and_loop_alone() -> None:
    rng = random.Random(0)
    with serving(fps=60) as sink, opened(sink, [rng.choice(STARTS) for _ in range(200)]):
        with watch(sink) as viewer, ask(sink, "/api/v1/events"):
            for number in range(1, 11):
                sink.publish(reading(number))
                assert next_picture(viewer)[0]["frame"] == number
        assert ask_json(sink, "/healthz")[0] == 200
        # Nothing runs on their behalf: no task, no thread.
        assert len(sink._server.server_state.tasks) <= 210
        assert threading.active_count() < 20


def test_where_too_many_are_open_the_silent_one_that_came_first_makes_room() -> None:
    silent = [b""] * (CONNECTIONS_MAX + 20)
    with serving(fps=60) as sink, watch(sink) as viewer, opened(sink, silent) as clients:
        until(lambda: is_closed(clients[0]))
        assert not is_closed(clients[-1])
        assert ask_json(sink, "/healthz")[0] == 503
        sink.publish(reading(1))
        assert next_picture(viewer)[0]["frame"] == 1


def nonsense(rng: random.Random) -> bytes:
    """Bytes that are no request, or nearly one."""
    kinds = (
        rng.randbytes(rng.randrange(1, 60)),
        b"GET " + rng.randbytes(20) + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + rng.randbytes(30) + b"\r\n\r\n",
        b"POST /api/v1/privacy HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
    )
    return rng.choice(kinds)


def test_ten_thousand_malformed_requests_leave_it_running_and_the_log_quiet(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rng = random.Random(1)
    with serving(fps=60) as sink, publishing(sink):
        threads = threading.active_count()
        for _ in range(10_000):
            with contextlib.suppress(OSError), socket.create_connection(address(sink), TIMEOUT_S) as plain:
                plain.sendall(nonsense(rng))
                plain.shutdown(socket.SHUT_WR)
                while plain.recv(4096):  # until we are hung up on: the next one only comes then
                    pass
        with watch(sink) as viewer:
            next_picture(viewer)
        assert ask_json(sink, "/healthz")[0] == 200
        until(lambda: len(sink._server.server_state.connections) < 10)
        assert threading.active_count() == threads
    assert not caplog.records
