"""The environment of its own in which ONNX models are read: onnx2tf's pins clash with ours.

It is made once, on first use, from the pinned, hashed lists in onnx-locks (2.7 GB: it brings a TensorFlow of its
own), under ~/.cache/mien or XDG_CACHE_HOME. MIEN_ONNX_PYTHON names the Python of another environment that has
onnx2tf, its tensorflow extra and onnxruntime.

The lists are for onnx2tf 1.29.24, the last for Python 3.11, and for onnx2tf[tensorflow] 2.6.9 with onnxruntime;
uv pip compile wrote them with --only-binary :all: --generate-hashes --no-annotate and backports-strenum<1.3, as
requirements/lock.sh does.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from converters.errors import ConversionError

LOCKS = Path(__file__).with_name("onnx-locks")
WORKER = Path(__file__).with_name("onnx_worker.py")
PYTHONS = {"python3.12": "py312.txt", "python3.11": "py311.txt"}
VARIABLE = "MIEN_ONNX_PYTHON"


def onnx_python(tell: Callable[[str], None] = lambda _: None) -> Path:
    """The Python of the environment, which is made if need be. Raises ConversionError."""
    if named := os.environ.get(VARIABLE):
        if not os.access(named, os.X_OK):
            raise ConversionError(f"{VARIABLE}={named}: no such program")
        return Path(named)
    base, lock = _find_base()
    folder = environment_folder(lock)
    python, finished = folder / "bin" / "python", folder / "complete"
    if finished.is_file() and python.exists():
        return python
    tell(f"making the environment for ONNX in {folder} (once; it takes 2.7 GB and some minutes)")
    try:
        _make(base, lock, folder)
    except (OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        said = getattr(error, "stderr", None) or str(error)
        reason = said.strip().splitlines()[-1] if said.strip() else "no reason given"
        raise ConversionError(f"{folder}: the environment for ONNX could not be made: {reason}") from error
    finished.touch()
    return python


def environment_folder(lock: Path) -> Path:
    """Where the environment of a list of pins lives; another list has another place."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "mien" / f"onnx-{lock.stem}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"


def _find_base() -> tuple[str, Path]:
    """(a Python that onnx2tf runs on, the list for it). Raises ConversionError if there is none."""
    own = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for name, lock in PYTHONS.items():
        found = sys.executable if name == own else shutil.which(name)
        if found is not None and _runs(found):
            return found, LOCKS / lock
    raise ConversionError(
        f"ONNX models are read by onnx2tf, which needs {' or '.join(PYTHONS)}: neither is on the PATH "
        f"(or {VARIABLE} names the Python of an environment that has it)"
    )


def _runs(python: str) -> bool:
    """Version managers put names on the PATH whose Python is not there; Debian packs venv apart."""
    return subprocess.run([python, "-c", "import ensurepip"], capture_output=True, check=False).returncode == 0


def _make(base: str, lock: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--require-hashes"]
    for command in ([base, "-m", "venv", str(folder)], [*pip, "-r", str(lock)]):
        subprocess.run(command, capture_output=True, text=True, check=True)


def work(python: Path, *arguments: str) -> str:
    """What a job of onnx_worker.py prints. Raises ConversionError with the last line it had to say."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [str(python), str(WORKER), *arguments], capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        said = f"{done.stdout}\n{done.stderr}"
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        telling = [line for line in lines if re.match(r"\w*(Error|Exception): ", line)] or lines
        reason = (telling[-1] if telling else "it ended without a word")[:160]
        # What onnx2tf prints of the node that it was at.
        stuck = re.search(r"onnx_op_name: (\S+)", said)
        raise ConversionError(f"onnx2tf fails at layer {stuck[1]}: {reason}" if stuck else reason)
    return done.stdout
