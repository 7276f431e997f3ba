"""What the service manager hears: from a real socket, and from the real command."""

from __future__ import annotations

import configparser
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.notify import ALIVE_EVERY_S, Notifier

UNIT = Path(__file__).resolve().parents[2] / "systemd" / "mien.service"


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.settimeout(20)
        yield end


def heard(manager: socket.socket) -> list[str]:
    """What has come so far."""
    manager.setblocking(False)
    messages = []
    while True:
        try:
            messages.append(manager.recv(4096).decode())
        except BlockingIOError:
            return messages


def test_ready_status_and_stopping_are_told_in_the_protocols_words(manager: socket.socket) -> None:
    notifier = Notifier(manager.getsockname())
    notifier.ready("running, demo")
    notifier.status("no source")
    notifier.stopping()
    notifier.close()
    assert heard(manager) == ["READY=1\nSTATUS=running, demo", "STATUS=no source", "STOPPING=1\nSTATUS=stopping"]


def test_frames_are_told_at_most_once_a_second(manager: socket.socket) -> None:
    now_s = 100.0
    notifier = Notifier(manager.getsockname(), clock=lambda: now_s)
    for _ in range(240):
        notifier.alive()
        now_s += ALIVE_EVERY_S / 60
    notifier.close()
    assert heard(manager) == ["WATCHDOG=1"] * 4


def test_pings_come_at_least_four_times_in_a_watchdog_period_and_a_status_is_told_once(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
    monkeypatch.setenv("WATCHDOG_USEC", "2000000")
    notifier = Notifier.from_environment()
    notifier._clock = iter(step / 10 for step in range(100)).__next__
    for _ in range(21):
        notifier.alive()
        notifier.status("running, demo")
    notifier.close()
    assert heard(manager).count("WATCHDOG=1") == 5
    notifier = Notifier(manager.getsockname())
    notifier.status("private")
    notifier.status("private")
    notifier.status("running")
    notifier.close()
    assert heard(manager) == ["STATUS=private", "STATUS=running"]


def test_a_reload_is_told_from_its_beginning_to_its_end(manager: socket.socket) -> None:
    notifier = Notifier(manager.getsockname())
    notifier.reloading()
    notifier.ready("running")
    notifier.close()
    first, second = heard(manager)
    assert first.startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert second == "READY=1\nSTATUS=running"


def test_an_abstract_address_is_understood() -> None:
    name = f"mien-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(f"\0{name}")
        notifier = Notifier(f"@{name}")
        notifier.status("here")
        notifier.close()
        assert heard(end) == ["STATUS=here"]


def test_without_a_manager_or_with_one_that_has_gone_nothing_happens(tmp_path: Path) -> None:
    for address in (None, "", str(tmp_path / "gone")):
        notifier = Notifier(address)
        notifier.ready("running")
        notifier.alive()
        notifier.close()
        notifier.stopping()


def test_the_command_says_when_it_is_ready_that_frames_go_through_and_that_it_stops(manager: socket.socket) -> None:
    command = [sys.executable, "-m", "edge.cli", "run", "--source", "demo", "--set", "web.enabled=false"]
    environment = {**os.environ, "NOTIFY_SOCKET": manager.getsockname()}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        assert manager.recv(4096) == b"READY=1\nSTATUS=starting, demo"
        assert manager.recv(4096) == b"STATUS=running, demo"
        assert manager.recv(4096) == b"WATCHDOG=1"
        process.send_signal(signal.SIGTERM)
        last = manager.recv(4096)
        while last == b"WATCHDOG=1" or last.startswith(b"STATUS=running"):
            last = manager.recv(4096)
    assert last == b"STOPPING=1\nSTATUS=stopping"
    assert process.returncode == 0


def test_the_unit_waits_for_ready_and_has_a_watchdog_longer_than_a_camera_may_take_to_open() -> None:
    from edge.intake import OPEN_S

    unit = configparser.ConfigParser(interpolation=None, strict=False)  # some words may come twice
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(UNIT.read_text())
    assert unit["Service"]["Type"] == "notify"
    assert float(unit["Service"]["WatchdogSec"]) >= 2 * OPEN_S
    assert " run --config /etc/mien/mien.toml" in unit["Service"]["ExecStart"]
    assert unit["Service"]["Restart"] == "always"
