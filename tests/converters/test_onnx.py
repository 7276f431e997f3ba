"""The ONNX path. A stand-in plays the environment of its own; with MIEN_ONNX_PYTHON set the real one runs, too."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters import onnx_environment
from converters.onnx_environment import LOCKS, PYTHONS, VARIABLE, onnx_python

Refused = Callable[..., str]

STAND_IN = """#!{python}
# Plays the environment: answers `look`, hands out a SavedModel for `convert`, doubles means for `predict`.
import json, shutil, sys
import numpy as np
job, model, *rest = sys.argv[2:]
look = json.loads(open(model).read())
if "fail" in look:
    sys.exit(look["fail"])
if job == "look":
    print("chatter")
    print(json.dumps(look))
elif job == "convert":
    shutil.copytree({saved!r}, rest[0])
else:
    np.savez(rest[1], **{{"0": np.load(rest[0]).mean(axis=(1, 2, 3))[:, None] * np.ones(7, np.float32)}})
"""


@pytest.fixture
def stand_in(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes an "ONNX" file that the stand-in describes so."""
    python = tmp_path / "python"
    python.write_text(STAND_IN.format(python=sys.executable, saved=str(models / "saved")))
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv(VARIABLE, str(python))

    def write(**changes: Any) -> Path:
        import json

        look = {"inputs": [{"name": "x", "type": "FLOAT", "shape": [1, 1, 16, 16]}], "foreign": []}
        path = tmp_path / "model.onnx"
        path.write_text(json.dumps({**look, **changes}))
        return path

    return write


def entry(**changes: Any) -> dict[str, Any]:
    return {"name": "x", "type": "FLOAT", "shape": [1, 1, 16, 16], **changes}


def test_what_comes_back_is_quantized_here(
    stand_in: Callable[..., Path], run: Any, samples: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.tflite"
    status, told, err = run("to-int8", stand_in(), "--out", out, "--calibration", samples)
    assert (status, err) == (0, "")
    assert "int8 throughout" in told


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"inputs": []}, "0 inputs: one picture is expected"),
        ({"inputs": [entry(), entry()]}, "2 inputs: one picture is expected"),
        ({"inputs": [entry(type="UINT8")]}, "input is uint8: a float picture is expected"),
        ({"inputs": [entry(shape=[1, 2, 16, 16])]}, "2 channels; 1 (luma) or 3 (RGB) are expected"),
        ({"inputs": [entry(shape=[1, 1, None, None])]}, "is dynamic: fix it with --size WIDTHxHEIGHT"),
        ({"inputs": [entry(shape=[1, 16])]}, "rank 2; (batch, height, width, channels) is expected"),
        ({"foreign": ["com.acme.Sparkle (late)"]}, "custom operators: com.acme.Sparkle (late)"),
        ({"fail": "ParseError: no model"}, "no ONNX model that can be converted: ParseError: no model"),
    ],
)
def test_models_that_cannot_be_converted_are_refused(
    changes: dict[str, Any],
    rule: str,
    stand_in: Callable[..., Path],
    refused: Refused,
    samples: Path,
    tmp_path: Path,
) -> None:
    path = stand_in(**changes)
    line = refused("to-int8", path, "--out", tmp_path / "out.tflite", "--calibration", samples)
    assert line.startswith(f"{path}: ")
    assert rule in line


def test_no_fitting_python_is_one_line(refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"x")
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(onnx_environment, "PYTHONS", {"python3.0": "py312.txt"})
    line = refused("to-int8", path, "--out", tmp_path / "out")
    assert line.startswith("ONNX models are read by onnx2tf, which needs python3.0: neither is on the PATH")
    monkeypatch.setenv(VARIABLE, "/no/such/python")
    assert refused("to-int8", path, "--out", tmp_path / "out") == f"{VARIABLE}=/no/such/python: no such program"


def test_an_environment_that_cannot_be_made_leaves_nothing_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    locks = tmp_path / "locks"
    locks.mkdir()
    for name in PYTHONS.values():
        (locks / name).write_text("no-such-package-of-mien==1.0 --hash=sha256:" + "0" * 64 + "\n")
    monkeypatch.setattr(onnx_environment, "LOCKS", locks)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    said: list[str] = []
    with pytest.raises(onnx_environment.ConversionError, match=r"the environment for ONNX could not be made: "):
        onnx_python(said.append)
    assert len(said) == 1
    assert "making the environment for ONNX" in said[0]
    assert list((tmp_path / "cache" / "mien").iterdir()) == []


@pytest.mark.parametrize("name", sorted(PYTHONS.values()))
def test_every_package_of_the_environment_is_pinned_and_hashed(name: str) -> None:
    lines = (LOCKS / name).read_text().splitlines()
    packages = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert len(packages) > 30
    assert all("==" in line and line.endswith("\\") for line in packages)
    assert sum("--hash=sha256:" in line for line in lines) >= len(packages)
    assert any(line.startswith("onnx2tf") for line in packages)


@pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"{VARIABLE} names no Python with onnx2tf")
def test_a_real_onnx_file_becomes_int8(run: Any, tmp_path: Path) -> None:
    yunet = Path(__file__).resolve().parents[3] / "shared" / "models" / "yunet_2026may.onnx"
    if not yunet.exists():
        pytest.skip("no ONNX model at hand")
    rng = np.random.default_rng(1)
    np.savez(tmp_path / "x.npz", pixels=rng.integers(0, 256, (8, 64, 64, 3)).astype(np.uint8))
    shutil.copyfile(yunet, tmp_path / "yunet.onnx")  # onnx2tf writes over what it is given
    options = ("--calibration", tmp_path / "x.npz", "--size", "64x64", "--range", "0,255", "--bgr")
    status, told, err = run("to-int8", tmp_path / "yunet.onnx", "--out", tmp_path / "out.tflite", *options)
    assert (status, err) == (0, "")
    assert "int8 throughout" in told
    assert (tmp_path / "yunet.onnx").read_bytes() == yunet.read_bytes()
