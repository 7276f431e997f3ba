"""The doctor: each finding is ok, a warning or a failure, and whatever is not ok has a cure."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge import board, doctor
from edge.cli import cli
from edge.config import Config, parse_config


def finding(part: str, config: Config | None = None) -> doctor.Finding:
    (found,) = [each for each in doctor.examine(config or Config()) if each.part == part]
    return found


def test_a_sound_installation_has_its_runtime_model_detector_and_kernels_in_order() -> None:
    findings = {each.part: each for each in doctor.examine(parse_config({"source": {"kind": "demo"}}))}
    for part in ("mien", "runtime", "packages", "model", "int8 kernels", "detector", "source"):
        assert findings[part].level == "ok", findings[part]
    assert "hash and golden case hold" in findings["model"].found


def test_whatever_is_not_ok_has_a_cure(tmp_path: Path) -> None:
    config = parse_config(
        {
            "source": {"kind": "v4l2", "path": "/dev/video99"},
            "classify": {"model": str(tmp_path / "none.tflite")},
            "detect": {"backend": "yunet"},
            "jsonl": {"file": str(tmp_path / "none" / "events.jsonl")},
        }
    )
    troubles = [each for each in doctor.examine(config) if each.level != "ok"]
    assert {each.part for each in troubles} >= {"model", "detector", "camera (v4l2)", "event file"}
    assert all(each.cure for each in troubles)
    assert all(each.level == "fail" for each in troubles)


def test_a_taken_port_is_a_warning() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        config = parse_config({"web": {"port": other.getsockname()[1]}})
        found = finding("web page", config)
    assert found.level == "warn"
    assert "is not free" in found.found


@pytest.mark.parametrize(
    ("formats", "level", "words"),
    [
        (["YUYV", "MJPG", "H264"], "ok", "YUYV 16-235, widened to 0-255, MJPG 0-255"),
        (["H264"], "fail", "H264: none of GREY, JPEG, MJPG"),
    ],
)
def test_the_range_of_the_cameras_luma_is_told(
    monkeypatch: pytest.MonkeyPatch, formats: list[str], level: str, words: str
) -> None:
    monkeypatch.setattr("edge.sources.devices.pixel_formats", lambda _path: formats)
    (found,) = doctor._luma_range("v4l2", "/dev/video0")
    assert found.level == level
    assert found.found.startswith(words)
    assert list(doctor._luma_range("demo", None)) == []


@pytest.mark.parametrize(("celsius", "level"), [(45.2, "ok"), (81.0, "warn")])
def test_a_hot_processor_is_a_warning(monkeypatch: pytest.MonkeyPatch, celsius: float, level: str) -> None:
    monkeypatch.setattr(board, "temperature_celsius", lambda: celsius)
    assert finding("temperature").level == level


@pytest.mark.parametrize(
    ("answer", "level", "words"),
    [
        ("throttled=0x0", "ok", "never since boot"),
        ("throttled=0x50000", "warn", "not now, but: undervoltage, throttled"),
        ("throttled=0x50005", "warn", "undervoltage, throttled"),
        ("", "warn", "no answer"),
    ],
)
def test_throttling_on_a_pi_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: str, level: str, words: str
) -> None:
    program = tmp_path / "vcgencmd"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    found = finding("throttling")
    assert found.level == level
    assert words in found.found


def test_the_command_prints_a_line_a_finding_and_fails_if_mien_cannot_run(tmp_path: Path) -> None:
    arguments = ["doctor", "--set", "source.kind=demo", "--set", "web.port=0"]
    sound = CliRunner().invoke(cli, arguments, standalone_mode=False)
    assert sound.return_value == 0
    assert all(line.startswith(("ok  ", "warn", "fail")) for line in sound.stdout.splitlines())
    broken = CliRunner().invoke(
        cli, [*arguments, "--set", f"classify.model={tmp_path}/none.tflite", "--json"], standalone_mode=False
    )
    assert broken.return_value == 1
    levels = {each["part"]: each["level"] for each in json.loads(broken.stdout)}
    assert levels["model"] == "fail"
