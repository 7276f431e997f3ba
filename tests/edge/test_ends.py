"""SIGTERM and SIGKILL in each phase of the real program, and a reader of its output that stops reading."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.control import ask
from edge.privacy import Privacy

RUN = [sys.executable, "-m", "edge.cli", "run", "--set", "web.enabled=false", "--set", "jsonl.stdout=false"]
PATIENCE_S = 120
SOURCES = {
    "running": ["--source", "demo", "--set", "source.fps=60", "--set", "source.height=240"],
    "no-source": ["--source", "/dev/video99"],
    "private": ["--source", "demo"],
}


class Program:
    """The real program, started by a service manager that is a socket of ours."""

    def __init__(self, folder: Path, *arguments: str, **options: object) -> None:
        self.folder = folder
        self.events = folder / "events.jsonl"
        self.control = folder / "run" / "control.sock"
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = folder / "notify"
        address.unlink(missing_ok=True)
        self._manager.bind(str(address))
        self._manager.settimeout(PATIENCE_S)
        environment = {
            **os.environ,
            "NOTIFY_SOCKET": str(address),
            "STATE_DIRECTORY": str(folder / "state"),
            "RUNTIME_DIRECTORY": str(folder / "run"),
        }
        command = [*RUN, "--set", f"jsonl.file={self.events}", *arguments]
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, **options)  # type: ignore[call-overload]

    def wait_until(self, words: str) -> None:
        """Until the manager has heard this."""
        while words not in self._manager.recv(4096).decode():
            pass

    def has_written(self, phase: str) -> bool:
        return self.events.exists() and f'"phase":"{phase}"' in self.events.read_text()

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=PATIENCE_S)
        self._manager.close()
        return self.process.returncode


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@contextlib.contextmanager
def in_phase(folder: Path, phase: str) -> Iterator[Program]:
    if phase == "private":
        Privacy(folder / "state" / "privacy.json").set(True, by="test")
    program = Program(folder, *SOURCES[phase])
    try:
        program.wait_until(f"STATUS={phase}")
        while not program.has_written(phase):  # a thread of its own writes
            program.wait_until("WATCHDOG=1")
        yield program
    finally:
        program.process.kill()
        program.process.communicate()


def phases(events: Path) -> list[str]:
    """Read line by line: every one has to be whole."""
    return [
        event["phase"] for event in map(json.loads, events.read_text().splitlines()) if event["type"] == "state"
    ]


@pytest.mark.parametrize("phase", SOURCES)
def test_sigterm_ends_it_in_order_in_any_phase(folder: Path, phase: str) -> None:
    with in_phase(folder, phase) as program:
        assert program.end(signal.SIGTERM) == 0
    assert phases(program.events)[-2:] == [phase, "stopping"]
    assert not program.control.exists()


@pytest.mark.parametrize("phase", SOURCES)
def test_sigkill_loses_no_whole_line_and_the_next_start_is_not_hindered(folder: Path, phase: str) -> None:
    with in_phase(folder, phase) as program:
        assert program.end(signal.SIGKILL) == -signal.SIGKILL
    before = phases(program.events)
    assert before[-1] == phase
    with in_phase(folder, phase) as again:
        assert ask(again.control, {"command": "status"})["phase"] == phase, "the socket that was left is replaced"
        assert again.end(signal.SIGTERM) == 0
    assert phases(again.events)[: len(before)] == before


def test_sigterm_while_it_starts_ends_it_at_once(folder: Path) -> None:
    program = Program(folder, *SOURCES["running"])
    assert program.end(signal.SIGTERM) in {0, -signal.SIGTERM}
    assert not program.control.exists()


def test_a_reader_that_stops_reading_holds_up_neither_the_frames_nor_the_end(folder: Path) -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)  # room for some 20 events
    flood = ["--set", "jsonl.stdout=true", "--set", "decide.state_every_s=0.001", "--set", "source.width=160"]
    program = Program(folder, *SOURCES["running"], *flood, stdout=writing)
    os.close(writing)
    try:
        program.wait_until("STATUS=running")
        while ask(program.control, {"command": "status"})["frames"] < 100:
            program.wait_until("WATCHDOG=1")
        assert program.end(signal.SIGTERM) == 0
    finally:
        program.process.kill()
        os.close(reading)


HANGING = """
import sys, threading
from edge import build, intake, service
from edge.config import Config, JsonlConfig, SourceConfig, WebConfig
from edge.sources.fake import FakeCapture
from edge.sources.newest import LiveSource
intake.STUCK_S = 0.2
intake.Intake.is_closed.__defaults__ = (0.2,)
build.open_source = lambda config: LiveSource(FakeCapture([], "frozen"), frozen_s=0.1, close_wait_s=0.05)
service.run(Config(source=SourceConfig(kind="v4l2"), jsonl=JsonlConfig(stdout=False), web=WebConfig(enabled=False)))
"""


def test_a_driver_that_hangs_for_good_ends_the_process_with_the_status_of_a_new_start(
    folder: Path,
) -> None:
    result = subprocess.run(
        [sys.executable, "-c", HANGING],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env={**os.environ, "STATE_DIRECTORY": str(folder)},
    )
    assert result.returncode == 75
    assert "fake camera: its driver has not answered" in result.stderr


HANGING_OPEN = """
import sys, threading
from edge import build, intake, service
from edge.config import Config, JsonlConfig, SourceConfig, WebConfig
from edge.errors import SourceError
intake.OPEN_S, intake.REOPEN_FIRST_S = 0.3, 0.01
attempts = []
def open_source(config):
    attempts.append(config)
    if len(attempts) < int(sys.argv[1]):
        raise SourceError("no camera yet")
    threading.Event().wait()
build.open_source = open_source
service.run(Config(source=SourceConfig(kind="v4l2"), jsonl=JsonlConfig(stdout=False), web=WebConfig(enabled=False)))
"""


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_driver_that_hangs_while_it_is_opened_ends_the_process_for_a_new_start(
    folder: Path, attempt: int
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(folder / "notify"))
        result = subprocess.run(
            [sys.executable, "-c", HANGING_OPEN, str(attempt)],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            env={**os.environ, "STATE_DIRECTORY": str(folder), "NOTIFY_SOCKET": str(folder / "notify")},
        )
    assert result.returncode == 75
    assert "the camera's driver hangs while it is opened: ends to be started again" in result.stderr
