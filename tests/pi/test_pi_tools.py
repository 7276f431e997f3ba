"""The emulated Pi's own tools, where there is no emulated Pi: they say what is missing, in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from emulated import HERE, lacking, lacking_to_count


def call(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)


def test_a_cache_without_a_root_is_named_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_PI_CACHE", str(tmp_path))
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/qemu-aarch64")
    assert lacking("trixie") == f"no emulated trixie in {tmp_path}: sudo tests/pi/setup.sh"


def test_an_interrupted_build_is_no_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_PI_CACHE", str(tmp_path))
    (tmp_path / "bookworm.new/system").mkdir(parents=True)
    (tmp_path / "bookworm/system").mkdir(parents=True)
    assert lacking_to_count()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "name a model, or --bundled; --runs must be at least 1"),
        (("--runs", "0", "a.tflite"), "name a model, or --bundled; --runs must be at least 1"),
        (("/nonexistent/a.tflite",), "/nonexistent/a.tflite: no such file"),
        ((str(HERE / "icount.c"),), "setup.sh"),
    ],
)
def test_count_says_what_is_wrong_in_its_last_line(arguments: tuple[str, ...], reason: str, tmp_path: Path) -> None:
    done = call(sys.executable, str(HERE / "count.py"), *arguments, MIEN_PI_CACHE=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr.splitlines()[-1]


def test_setup_refuses_an_unknown_release_before_it_touches_anything(tmp_path: Path) -> None:
    done = call(str(HERE / "setup.sh"), "bullseye", MIEN_PI_CACHE=str(tmp_path / "cache"))
    assert (done.returncode, done.stderr) == (2, "pi: unknown release 'bullseye': bookworm or trixie\n")
    assert not (tmp_path / "cache").exists()
