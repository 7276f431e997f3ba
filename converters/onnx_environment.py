"""The environment of its own in which ONNX models are read: onnx2tf's pins clash with ours.

It is made once, on first use, from the pinned, hashed list beside this file (2.4 GB: it brings a TensorFlow of its
own), under ~/.cache/mien or XDG_CACHE_HOME. MIEN_ONNX_PYTHON names the Python of another environment that has
onnx2tf and onnxruntime.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from converters.errors import ConversionError

LOCK = Path(__file__).with_name("onnx-requirements.txt")
WORKER = Path(__file__).with_name("onnx_worker.py")
PYTHONS = ("python3.11", "python3.12")
VARIABLE = "MIEN_ONNX_PYTHON"


def environment_folder() -> Path:
    """Where the environment of this very list of pins lives."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "mien" / f"onnx-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"


def onnx_python(tell: Callable[[str], None] = lambda _: None) -> Path:
    """The Python of the environment, which is made if need be. Raises ConversionError."""
    if named := os.environ.get(VARIABLE):
        if not os.access(named, os.X_OK):
            raise ConversionError(f"{VARIABLE}={named}: no program")
        return Path(named)
    folder = environment_folder()
    python, finished = folder / "bin" / "python", folder / "complete"
    if finished.is_file() and python.exists():
        return python
    base = next((path for name in PYTHONS if (path := shutil.which(name))), None)
    if sys.version_info[:2] in ((3, 11), (3, 12)):
        base = sys.executable
    if base is None:
        raise ConversionError(
            f"ONNX models are read by onnx2tf, which needs Python 3.11 or 3.12: neither is here "
            f"(or set {VARIABLE} to the Python of an environment that has it)"
        )
    tell(f"making the environment for ONNX in {folder} (once; it takes 2.4 GB and some minutes)")
    try:
        _make(Path(base), folder)
    except (OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        said = getattr(error, "stderr", None) or str(error)
        reason = said.strip().splitlines()[-1] if said.strip() else "no reason given"
        raise ConversionError(f"{folder}: the environment for ONNX could not be made: {reason}") from error
    finished.touch()
    return python


def work(python: Path, *arguments: str) -> str:
    """What a job of onnx_worker.py prints. Raises ConversionError with the last line it had to say."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [str(python), str(WORKER), *arguments], capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        lines = [line.strip() for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()]
        telling = [line for line in lines if "rror" in line] or lines or ["it ended without a word"]
        raise ConversionError(telling[-1][:300])
    return done.stdout


def _make(base: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    for command in (
        [str(base), "-m", "venv", str(folder)],
        [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(LOCK)],
    ):
        subprocess.run(command, capture_output=True, text=True, check=True)
