"""The privacy button and its LED, on gpiozero's own mock pins."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.config import Config, JsonlConfig, PrivacyConfig, ServiceConfig, SourceConfig, WebConfig
from edge.core import Core
from edge.errors import ConfigError, MissingPackageError
from edge.messages import Phase
from edge.pins import Pins
from edge.privacy import Privacy
from edge.service import Service

BUTTON, LED = 3, 17


@pytest.fixture
def core(tmp_path: Path) -> Core:
    return Core(Privacy(tmp_path / "privacy.json"))


@pytest.fixture
def board() -> Iterator[object]:
    """A Pi's pins, in software."""
    pytest.importorskip("gpiozero")
    from gpiozero import Device
    from gpiozero.pins.mock import MockFactory

    before, Device.pin_factory = Device.pin_factory, MockFactory()
    yield Device.pin_factory
    Device.pin_factory.close()
    Device.pin_factory = before


def push(board: object) -> None:
    pin = board.pin(BUTTON)  # type: ignore[attr-defined]
    pin.drive_low()
    pin.drive_high()


def is_lit(board: object) -> bool:
    return bool(board.pin(LED).state)  # type: ignore[attr-defined]


def test_each_push_turns_the_switch(board: object, core: Core) -> None:
    pins = Pins(PrivacyConfig(button_gpio=BUTTON), core)
    for private in (True, False, True):
        push(board)
        assert core.privacy.on is private
        assert core.privacy.switched.by == "button"
        assert core.requests.wake.is_set(), "the loop looks at once"
    pins.close()
    pins.close()
    push(board)
    assert core.privacy.on, "a pin that was let go turns nothing"


def test_a_push_turns_what_somebody_else_turned_last(board: object, core: Core) -> None:
    pins = Pins(PrivacyConfig(button_gpio=BUTTON), core)
    core.privacy.set(on=True, by="web")
    push(board)
    assert not core.privacy.on
    pins.close()


def test_a_push_that_cannot_be_kept_is_one_line(
    board: object, core: Core, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pins = Pins(PrivacyConfig(button_gpio=BUTTON), core)
    core.privacy.set(on=True, by="test")
    (tmp_path / "privacy.json").unlink()
    (tmp_path / "privacy.json").mkdir()
    caplog.clear()
    push(board)
    assert core.privacy.on
    (line,) = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert "it stays on" in line
    pins.close()


def test_the_led_says_whether_the_camera_may_see(board: object, core: Core) -> None:
    pins = Pins(PrivacyConfig(led_gpio=LED), core)
    seen = []
    for phase in (Phase.RUNNING, Phase.PRIVATE, Phase.NO_SOURCE, Phase.RUNNING, Phase.STOPPING):
        core.state.enter(phase)
        seen.append(is_lit(board))
    assert seen == [True, False, True, True, False]
    core.state.enter(Phase.RUNNING)
    pins.close()
    core.state.enter(Phase.PRIVATE)
    core.state.enter(Phase.RUNNING)
    assert not is_lit(board)


def test_a_service_starts_private_and_a_push_opens_its_camera(
    board: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    config = Config(
        source=SourceConfig(kind="demo", realtime=False),
        jsonl=JsonlConfig(stdout=False),
        web=WebConfig(enabled=False),
        privacy=PrivacyConfig(default_on=True, button_gpio=BUTTON, led_gpio=LED),
        service=ServiceConfig(max_rss_mb=0, control=False),
    )
    with Service(config, frames=3) as running:
        assert running.intake.source is None
        lit = []
        running.core.state.subscribe(lambda _status: lit.append(is_lit(board)))
        running.core.state.enter(Phase.PRIVATE)
        push(board)
        running.run()
        assert running.core.counts.frames == 3
    assert (lit[0], lit[-1]) == (False, False)
    assert True in lit


def test_without_a_pin_gpiozero_is_not_asked_for(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiozero", None)
    Pins(PrivacyConfig(), core).close()


@pytest.mark.parametrize("key", ["button_gpio", "led_gpio"])
def test_without_gpiozero_one_line_says_how_to_get_it(
    core: Core, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setitem(sys.modules, "gpiozero", None)
    with pytest.raises(
        MissingPackageError, match=rf"privacy\.{key} = 4: gpiozero is not installed: .*mien\[button\]"
    ):
        Pins(PrivacyConfig(**{key: 4}), core)


def test_two_things_on_one_pin_are_refused(core: Core) -> None:
    with pytest.raises(ConfigError, match=r"privacy\.led_gpio = 4: is privacy\.button_gpio, too"):
        Pins(PrivacyConfig(button_gpio=4, led_gpio=4), core)


def test_a_pin_that_cannot_be_used_is_one_line_and_no_pin_is_kept(board: object, core: Core) -> None:
    import gpiozero

    refused = pytest.raises(ConfigError, match=r"privacy\.button_gpio = 3: cannot be used: .*in use")
    with gpiozero.LED(BUTTON), refused as told:
        Pins(PrivacyConfig(button_gpio=BUTTON, led_gpio=LED), core)
    assert "\n" not in str(told.value)
    gpiozero.LED(LED).close()


def test_a_machine_without_pins_is_one_line(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    gpiozero = pytest.importorskip("gpiozero")
    monkeypatch.setattr(gpiozero.Device, "pin_factory", None)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "lgpio")
    with pytest.raises(ConfigError, match=r"privacy\.button_gpio = 3: cannot be used: ."):
        Pins(PrivacyConfig(button_gpio=3), core)
