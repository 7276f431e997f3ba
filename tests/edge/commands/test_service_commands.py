"""mien status, privacy, reload and use against the real service, and their words where none runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

MIEN = [sys.executable, "-m", "edge.cli"]


def mien(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MIEN, *arguments], capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    file = tmp_path / "mien.toml"
    file.write_text('[source]\nkind = "demo"\nfps = 30.0\n[web]\nenabled = false\n')
    return file


@pytest.fixture
def service(settings: Path) -> Iterator[subprocess.Popen[str]]:
    """Running: its first line has come."""
    with subprocess.Popen(
        [*MIEN, "run", "--config", str(settings)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def test_the_service_answers_changes_and_refuses(service: subprocess.Popen[str], settings: Path) -> None:
    assert mien("status").stdout.startswith("running, demo, for ")
    status = json.loads(mien("status", "--json").stdout)
    assert status["phase"] == "running"
    assert status["latency_ms"]["p50"] > 0

    on = mien("privacy", "on")
    assert on.stdout == "privacy is on, the camera is closed (by command)\n", on.stderr
    assert mien("status").stdout.startswith("private, the camera is closed, for ")
    assert mien("privacy", "off").returncode == 0

    settings.write_text("[source]\nfps = 0\n")
    refused = mien("reload")
    assert refused.returncode == 2
    assert "source.fps = 0: must be > 0" in refused.stderr
    settings.write_text('[source]\nkind = "demo"\n[web]\nenabled = false\n[track]\nmin_hits = 3\n')
    assert mien("reload").stdout == "settings reloaded, changed: source, track\n"

    assert mien("use", "emotion-fer2013").stdout == "model emotion-fer2013\n"
    unknown = mien("use", str(settings))
    assert unknown.returncode == 2
    assert unknown.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [["status"], ["privacy"], ["privacy", "on"], ["reload"], ["use", "emotion"]])
def test_where_no_service_runs_that_is_one_line_and_status_2(words: list[str], tmp_path: Path) -> None:
    result = mien(*words, "--socket", str(tmp_path / "none.sock"))
    assert result.returncode == 2
    assert result.stderr == f"mien: no Mien is running here: nobody listens at {tmp_path / 'none.sock'}\n"
