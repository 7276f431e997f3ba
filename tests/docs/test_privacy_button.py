"""The settings of docs/howto/privacy-button.md, on gpiozero's mock pins."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from edge.config import parse_config
from edge.core import Core
from edge.messages import Phase
from edge.pins import Pins
from edge.privacy import Privacy

pytest.importorskip("gpiozero")
from gpiozero import Device
from gpiozero.pins.mock import MockFactory

ROOT = Path(__file__).resolve().parents[2]
HOWTO = (ROOT / "docs" / "howto" / "privacy-button.md").read_text()


def test_the_button_and_the_led_are_on_the_pins_that_the_text_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Device, "pin_factory", MockFactory())
    (block,) = [text for text in re.findall(r"```toml\n(.*?)```", HOWTO, re.DOTALL) if "gpio" in text]
    button, led = (int(number) for number in re.findall(r"GPIO (\d+) and ground", HOWTO))
    core = Core(Privacy(tmp_path / "privacy.json"))
    core.state.enter(Phase.RUNNING)
    pins = Pins(parse_config(tomllib.loads(block)).privacy, core)
    assert Device.pin_factory.pin(led).state
    Device.pin_factory.pin(button).drive_low()
    assert core.privacy.on
    core.state.enter(Phase.PRIVATE)
    assert not Device.pin_factory.pin(led).state
    pins.close()
    Device.pin_factory.close()


def test_the_service_is_let_at_the_pins_as_its_own_notes_say() -> None:
    (block,) = re.findall(r"```ini\n\[Service\]\n(.*?)```", HOWTO, re.DOTALL)
    assert block in (ROOT / "systemd" / "README.md").read_text()
