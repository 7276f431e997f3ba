"""The privacy button of the how-to, as it stands there: a push on a mock pin turns the switch of a real service."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
from clone import Clone
from shell import ROOT, Line

pytest.importorskip("gpiozero")
from gpiozero import Button, Device
from gpiozero.pins.mock import MockFactory

PAGE = ROOT / "docs/howto/privacy-button.md"


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clone]:
    clone = Clone(tmp_path)
    for name, value in clone.environment().items():
        monkeypatch.setenv(name, value)
    clone.bring(Line(str(PAGE), "mien privacy status"))
    yield clone
    clone.close()


@pytest.fixture
def program() -> Iterator[types.ModuleType]:
    before, Device.pin_factory = Device.pin_factory, MockFactory()
    (text,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    module = types.ModuleType("mien_button")
    exec(compile(text, str(PAGE), "exec"), vars(module))
    yield module
    Device.pin_factory.close()
    Device.pin_factory = before


def test_a_push_closes_the_camera_and_the_next_one_opens_it(clone: Clone, program: types.ModuleType) -> None:
    with Button(3) as button:
        button.when_pressed = program.turn
        for wanted in ("privacy is on", "privacy is off"):
            button.pin.drive_low()
            assert program.mien("status").startswith(wanted)
            button.pin.drive_high()


def test_without_a_service_the_light_would_be_off(
    program: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/nonexistent")
    assert not program.mien("status").startswith("privacy is off")
