"""Start-up and memory of the real command; what the machine and the models are."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest

from edge.bench.machine import describe_detector, describe_machine, describe_model
from edge.bench.runtime import choose_runtime
from edge.bench.start import StartError, peak_bytes, start
from edge.config import Config, parse_config
from edge.errors import ConfigError
from edge.model import interpreter
from edge.model.package import model_path, read_package


def test_the_service_starts_and_its_memory_is_read() -> None:
    found = start(["--set", "web.enabled=false"])
    assert found.start_s > 0
    assert 20e6 < found.rss_bytes < 1e9


def test_a_service_that_does_not_start_says_why() -> None:
    with pytest.raises(StartError, match=r"^mien run: mien: nowhere: no bundled model of this name"):
        start(["--model", "nowhere"])


def test_a_program_that_says_nothing_is_one_line() -> None:
    with pytest.raises(StartError, match="ended without a word"):
        start([], program=(sys.executable, "-c", "pass", "#"))


def test_a_privacy_switch_that_is_on_has_no_say_without_a_camera(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "privacy.json").write_text('{"on": true, "by": "test", "at": 0}')
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    assert start(["--set", "web.enabled=false"]).rss_bytes > 0


def test_the_peak_of_a_process_is_at_least_what_it_holds() -> None:
    assert peak_bytes(os.getpid()) > 1e6
    assert peak_bytes(2**22 + 1) == 0


def test_the_machine_is_described() -> None:
    machine = describe_machine()
    assert machine.cores >= 1
    assert machine.python.startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")
    assert machine.runtime.startswith(interpreter.find_runtime()[0])
    assert machine.packages["numpy"] != "missing"


def test_a_pi_is_known_by_its_device_tree(tmp_path: Path) -> None:
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/device-tree/model").write_text("Raspberry Pi 5 Model B Rev 1.0\0")
    (tmp_path / "proc/cpuinfo").write_text("CPU part\t: 0xd0b\nFeatures\t: fp asimd asimddp\n")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text('NAME="x"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n')
    machine = describe_machine(tmp_path)
    assert machine.board == "Raspberry Pi 5 Model B Rev 1.0"
    assert machine.processor == "0xd0b"
    assert machine.features == ("NEON", "Arm dot product")
    assert machine.system == "Debian GNU/Linux 13 (trixie)"


def test_the_model_is_named_with_its_hash() -> None:
    config = Config()
    manifest = read_package(model_path(config.classify.model)).manifest
    found = describe_model(config)
    assert (found.name, found.version, found.sha256) == (manifest.name, manifest.version, manifest.sha256)
    assert found.accelerated is (interpreter.find_runtime()[0] == "ai-edge-litert")


def test_a_detectors_file_is_named_with_its_hash_and_not_its_place(tmp_path: Path) -> None:
    file = tmp_path / "yunet.onnx"
    file.write_bytes(b"made up")
    found = describe_detector(parse_config({"detect": {"backend": "yunet", "model": str(file)}}))
    assert found is not None
    assert (found.name, found.sha256) == ("yunet.onnx", hashlib.sha256(b"made up").hexdigest())
    assert describe_detector(parse_config({"detect": {"backend": "haar"}})) is None


def test_a_runtime_is_chosen_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "RUNTIMES", interpreter.RUNTIMES)
    name = interpreter.find_runtime()[0]
    choose_runtime(name)
    assert [known for known, _ in interpreter.RUNTIMES] == [name]
    with pytest.raises(ConfigError, match="--runtime torch: must be one of"):
        choose_runtime("torch")
