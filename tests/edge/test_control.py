"""The control socket: who may command, what a command is, and what is hung up on."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import control
from edge.control import CALLERS_MAX, LINE_BYTES_MAX, Control, ask
from edge.errors import ConfigError, ControlError


def refuse(_request: dict) -> None:
    raise ConfigError("source.fps = 0: must be > 0")


def fail(_request: dict) -> None:
    raise ZeroDivisionError


COMMANDS = {"echo": lambda request: request, "refuse": refuse, "fail": fail}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Control]:
    # The name of a socket is at most 107 bytes long.
    listening = Control(Path(os.path.relpath(tmp_path)) / "run" / "control.sock", COMMANDS)
    yield listening
    listening.close()


def raw(service: Control, content: bytes) -> dict:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(service.path))
        connection.sendall(content)
        return json.loads(connection.makefile("rb").readline())


def test_a_command_is_answered(service: Control) -> None:
    assert ask(service.path, {"command": "echo", "word": "hm"}) == {"command": "echo", "word": "hm"}


def test_a_refusal_and_a_fault_come_back_as_one_line(service: Control) -> None:
    with pytest.raises(ControlError, match=r"source\.fps = 0: must be > 0"):
        ask(service.path, {"command": "refuse"})
    with pytest.raises(ControlError, match="ZeroDivisionError"):
        ask(service.path, {"command": "fail"})
    with pytest.raises(ControlError, match="no such command: fly"):
        ask(service.path, {"command": "fly"})


@pytest.mark.parametrize("content", [b"\n", b"[]\n", b"{\n", b"\xff\n", b'{"command": 7}\n', b"{}\n"])
def test_what_is_no_command_is_refused_and_the_next_one_is_heard(service: Control, content: bytes) -> None:
    assert raw(service, content)["ok"] is False
    assert ask(service.path, {"command": "echo"}) == {"command": "echo"}


def test_a_line_that_is_too_long_is_refused(service: Control) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(service.path))
        connection.sendall(b"x" * (LINE_BYTES_MAX + 1))
        assert b"one line" in connection.recv(4096)
    assert ask(service.path, {"command": "echo"})


def test_callers_that_say_nothing_are_hung_up_on(service: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "PATIENCE_S", 0.05)
    silent = [socket.socket(socket.AF_UNIX) for _ in range(CALLERS_MAX)]
    for connection in silent:
        connection.settimeout(10)
        connection.connect(str(service.path))
    for connection in silent:
        assert connection.recv(1) == b"", "hung up on"
        connection.close()
    assert ask(service.path, {"command": "echo"})


def test_one_caller_too_many_is_turned_away_at_once(tmp_path: Path) -> None:
    inside, go_on = threading.Barrier(CALLERS_MAX + 1), threading.Event()

    def hold(_request: dict) -> None:
        inside.wait(10)
        go_on.wait(10)

    listening = Control(Path(os.path.relpath(tmp_path)) / "control.sock", {"hold": hold})
    callers = [threading.Thread(target=ask, args=(listening.path, {"command": "hold"})) for _ in range(CALLERS_MAX)]
    for caller in callers:
        caller.start()
    inside.wait(10)
    with pytest.raises(ControlError):
        ask(listening.path, {"command": "hold"})
    go_on.set()
    for caller in callers:
        caller.join()
    listening.close()


def test_another_mien_in_the_same_place_is_refused_and_one_that_was_killed_is_not_in_the_way(
    service: Control,
) -> None:
    with pytest.raises(ControlError, match="another Mien listens there"):
        Control(service.path, COMMANDS)
    assert ask(service.path, {"command": "echo"}), "the first one is not disturbed"
    service.close()
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(service.path))
    second = Control(service.path, COMMANDS)
    assert ask(service.path, {"command": "echo"})
    second.close()
    assert not service.path.exists()


def test_where_no_service_runs_the_caller_hears_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no Mien listens there"):
        ask(tmp_path / "none.sock", {"command": "status"})


def test_root_and_the_own_user_are_allowed_and_a_stranger_is_not() -> None:
    assert control.is_allowed(0)
    assert control.is_allowed(os.geteuid())
    assert not control.is_allowed(3_999_999)


STRANGER = """
import os, socket, sys
os.setresgid(65534, 65534, 65534); os.setgroups([]); os.setresuid(65534, 65534, 65534)
connection = socket.socket(socket.AF_UNIX)
connection.settimeout(10)
try:
    connection.connect(sys.argv[1])
    print(connection.recv(4096).decode())
except OSError as error:
    print(error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_stranger_is_refused_by_the_kernels_word_even_where_the_socket_lets_him_in() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        listening = Control(Path(folder) / "control.sock", COMMANDS)
        stranger = [sys.executable, "-c", STRANGER, str(listening.path)]
        before = subprocess.run(stranger, capture_output=True, text=True, check=True).stdout
        listening.path.chmod(0o666)
        after = subprocess.run(stranger, capture_output=True, text=True, check=True).stdout
        listening.close()
    assert "Permission denied" in before
    assert "user 65534 may not command this service" in after
