"""Uninstalling takes the device out of a real broker, and goes on where there is none."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from deploy import release, settings
from deploy.machine import Machine
from deploy.uninstall import leave_broker

sys.path.append(str(Path(__file__).resolve().parents[1] / "edge" / "sinks"))

PROGRAM = f"{release.CURRENT}/venv/bin/mien"


class Here(Machine):
    """Has its own folder for /, and the program that is tested for the one that is installed."""

    def run(self, *command: str, **options: Any) -> None:
        assert command[0] == PROGRAM
        words = [str(self.path(word)) if word.startswith("/") else word for word in command[1:]]
        super().run(sys.executable, "-m", "edge.cli", *words, **options)


def installed(folder: Path, port: int, *, enabled: bool = True) -> Here:
    machine = Here(folder)
    path = machine.path(settings.FILE)
    path.parent.mkdir(parents=True)
    table = {"enabled": str(enabled).lower(), "device": '"hall"', "host": '"127.0.0.1"', "port": port}
    path.write_text("\n".join(["[mqtt]", *(f"{key} = {value}" for key, value in table.items())]))
    return machine


@pytest.mark.system
def test_home_assistant_no_longer_shows_a_device_that_was_uninstalled(tmp_path: Path) -> None:
    from cores import fresh_core
    from mosquitto import listening, mosquitto
    from mqtt_readings import reading, state

    from edge.config import Config, MqttConfig
    from edge.sinks.mqtt import MqttSink

    def kept(port: int, name: str) -> set[str]:
        with listening(port, name=name) as late:
            late.say("end", "of it")
            late.wait_for("end")
            return {heard.topic for heard in late.heard if heard.retained}

    with mosquitto(tmp_path) as broker:
        mqtt = MqttConfig(enabled=True, device="hall", host="127.0.0.1", port=broker.port)
        with listening(broker.port) as listener:
            sink = MqttSink(Config(mqtt=mqtt), fresh_core(tmp_path))
            sink.publish(reading(state()))
            listener.wait_for("/summary")
            sink.close()
        assert "homeassistant/device/mien-hall-camera/config" in kept(broker.port, "before")
        leave_broker(installed(tmp_path, broker.port))
        assert kept(broker.port, "after") == set()


def test_a_broker_that_is_away_is_named_and_holds_nothing_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mosquitto import free_port

    leave_broker(installed(tmp_path, free_port()))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("setup.sh: the broker still shows this device: mqtt failed: mien: mqtt: 127.0.0.1:")


def test_where_mqtt_was_off_no_broker_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave_broker(installed(tmp_path, 1, enabled=False))
    leave_broker(Here(tmp_path / "without settings"))
    assert capsys.readouterr().err == ""
