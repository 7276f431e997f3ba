"""What is compared: each program in an environment of its own, and the process that answers for it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
WORKER = Path(__file__).with_name("worker.py")
FER = (
    "fer==25.10.3",
    "opencv-contrib-python<5",  # it needs Haar, which OpenCV 5 has no more
    "setuptools<81",  # and pkg_resources, which went from setuptools
)
PEERS = {"fer": FER}
"""Requirements by program. DeepFace, py-feat, hsemotion and RMN fetch their weights when they are first used: none
of them runs offline. fer's other detector (mtcnn=True) ends with an LLVM error, TensorFlow 2.21 beside PyTorch
2.15."""


class PeerError(RuntimeError):
    """An environment or a program failed; the message is its last line."""


def environment(requirements: tuple[str, ...], folder: Path) -> Path:
    """The Python of an environment with these packages, made where it is missing. Raises PeerError."""
    name = re.sub(r"[^a-z0-9]+", "-", requirements[0])
    python = folder / name / "bin/python"
    stamp = folder / name / "requirements.txt"
    wanted = "\n".join(requirements)
    if not (stamp.is_file() and stamp.read_text() == wanted):
        check([sys.executable, "-m", "venv", "--clear", str(folder / name)])
        check([str(python), "-m", "pip", "install", "--quiet", *requirements])
        stamp.write_text(wanted)
    return python


def check(command: list[str]) -> None:
    """Raises PeerError with the last line of what the command said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise PeerError(f"{' '.join(command[:4])}: {said[-1] if said else done.returncode}")


def folder_bytes(folder: Path) -> int:
    """What a folder's files take."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def own_bytes() -> int:
    """What Mien's locked run-time packages take, and edge itself: this environment holds far more for the tests."""
    lock = ROOT / "requirements" / f"edge-py{sys.version_info.major}{sys.version_info.minor}.txt"
    total = folder_bytes(ROOT / "edge")
    for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock.read_text(), re.MULTILINE):
        for file in importlib.metadata.files(name) or ():
            path = Path(str(file.locate()))
            total += path.stat().st_size if path.is_file() else 0
    return total


class Program:
    """A program that answers. changes: of Mien's settings. start_s: from start to first answer."""

    def __init__(self, name: str, python: str, pictures: Path, core: int, changes: Sequence[str] = ()) -> None:
        self.name = name
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the program)
        began_s = time.perf_counter()
        self._process = subprocess.Popen(
            [python, str(WORKER), name, str(pictures), str(core)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            env=os.environ | {"MIEN_PEERS_SET": json.dumps(changes)},
        )
        try:
            self.ask(0)
        except PeerError:
            self.__exit__()
            raise
        self.start_s = time.perf_counter() - began_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()  # type: ignore[union-attr]
        self._said.close()

    def ask(self, number: int) -> dict[str, Any]:
        """What it finds in the picture of this number, and the time it took. Raises PeerError."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(f"{number}\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._said.seek(0)
            said = self._said.read().decode(errors="replace").strip().splitlines()
            raise PeerError(f"{self.name}: {said[-1] if said else 'ended without a word'}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def peak_bytes(self) -> int:
        """The most memory that its process ever held resident."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(r"^VmHWM:\s+(\d+)", status, re.MULTILINE)
        return int(found[1]) * 1024 if found else 0
