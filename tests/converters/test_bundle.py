"""The script that makes the bundled models, and what it made."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from converters.audit import audit
from converters.flatbuffer import read_graph
from edge.model.package import bundled_models, model_path, read_package

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "converters" / "bundle.sh"


def bundle(*arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({} if path is None else {"PATH": path})}
    return subprocess.run([str(SCRIPT), *arguments], capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "usage: converters/bundle.sh NAME DATA [RUNS]"),
        (("emotion-fer2013", "/no/such.npz"), "/no/such.npz: no such file"),
        (("other", __file__), "other: not one of the bundled models: emotion-fer2013, emotion"),
    ],
)
def test_a_wrong_call_is_one_line(arguments: tuple[str, ...], line: str, tmp_path: Path) -> None:
    for name in ("mien-train", "mien-convert"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    done = bundle(*arguments, path=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 2
    assert done.stderr == f"bundle.sh: {line}\n"


def test_without_the_commands_it_says_what_to_activate() -> None:
    done = bundle("emotion-fer2013", __file__, path="/usr/bin:/bin")
    assert done.returncode == 2
    assert "is not on the PATH: activate the environment of ./setup.sh train" in done.stderr


@pytest.mark.parametrize("name", bundled_models())
def test_a_bundled_model_is_whole_int8_and_keeps_what_its_conversion_cost(name: str) -> None:
    package = read_package(model_path(name))
    report = audit(read_graph(package.flatbuffer, name))
    assert report.problems == ()
    assert report.float_tensors == ()
    assert report.parameters == package.manifest.parameters
    assert [step for step in report.not_accelerated if not step.startswith("QUANTIZE")] == []
    conversion = package.manifest.metrics["conversion"]
    assert conversion["n"] > 3000
    assert conversion["agreement"] >= 0.97
    assert conversion["float_accuracy"] - conversion["int8_accuracy"] <= 0.01
