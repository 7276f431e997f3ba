"""The button of docs/howto/privacy-button.md on gpiozero's mock pins, with the real command and a real socket."""

from __future__ import annotations

import contextlib
import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.commanding import commands
from edge.control import Control
from edge.core import Core
from edge.messages import Phase
from edge.privacy import Privacy

pytest.importorskip("gpiozero")
from gpiozero import Device
from gpiozero.pins.mock import MockFactory

HOWTO = Path(__file__).resolve().parents[2] / "docs" / "howto" / "privacy-button.md"
BUTTON, LED = 3, 17
PATIENCE_S = 60


@pytest.fixture
def pins() -> Iterator[MockFactory]:
    before, Device.pin_factory = Device.pin_factory, MockFactory()
    yield Device.pin_factory
    Device.pin_factory.close()
    Device.pin_factory = before


@pytest.fixture
def core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Core]:
    """What a service shares, whose camera closes at once, with the command `mien` to speak to it."""
    core = Core(Privacy(tmp_path / "privacy.json"))
    core.privacy.subscribe(lambda on: core.state.enter(Phase.PRIVATE if on else Phase.RUNNING))
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    program = tmp_path / "mien"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m edge.cli "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    control = Control(tmp_path / "control.sock", commands(core, reload=str, use_model=str))
    yield core
    control.close()


class Ending:
    """The script's `time`, whose sleep ends the script when the test is over."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def sleep(self, seconds: float) -> None:
        if self.over.wait(min(seconds, 0.05)):
            raise SystemExit


def until(pin: object, state: int) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while int(pin.state) != state:  # type: ignore[attr-defined]
        assert time.monotonic() < end_s
        time.sleep(0.02)


def test_each_push_turns_the_switch_and_the_led_tells_how_it_stands(pins: MockFactory, core: Core) -> None:
    (script,) = re.findall(r"```python\n(.*?)```", HOWTO.read_text(), re.DOTALL)
    names: dict[str, object] = {"__name__": "button"}
    exec(compile(script, str(HOWTO), "exec"), names)
    clock = names["time"] = Ending()

    def watch() -> None:
        with contextlib.suppress(SystemExit):
            names["main"]()  # type: ignore[operator]

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        lamp, button = pins.pin(LED), pins.pin(BUTTON)
        until(lamp, 1)
        for private in (True, False):
            button.drive_low()
            button.drive_high()
            assert core.privacy.on is private
            assert core.privacy.switched.by == "command"
            until(lamp, int(not private))
    finally:
        clock.over.set()
        watching.join()
