"""A folder that looks like a fresh clone in which the environments were made already: where examples are run."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import cv2
from shell import ROOT, Line

PROGRAMS = ("mien", "mien-train", "mien-convert")
TARGETS = ("edge", "train", "docs")
PORT = "127.0.0.1:8321"
HUNG_S = 300.0
"""No step takes so long on the busiest machine."""
SETTINGS = """
[source]
kind = "demo"
realtime = false
[web]
port = 0
[history]
enabled = true
"""


class Clone:
    """Nothing in it reaches the reader's own home, camera or service."""

    def __init__(self, place: Path) -> None:
        self.root = place / "mien"
        self.home = place / "home"
        self.runtime = place / "run"
        for folder in (self.root, self.home, self.runtime):
            folder.mkdir()
        for entry in ROOT.iterdir():
            if not entry.name.startswith(".") and entry.name not in {"setup.sh", "runs", "build"}:
                (self.root / entry.name).symlink_to(entry)
        shutil.copy(ROOT / "setup.sh", self.root)
        for target in TARGETS:
            self._environment(target)
        self.settings = place / "settings.toml"
        self.settings.write_text(SETTINGS)
        self.service: subprocess.Popen[bytes] | None = None
        self.port = 0

    def _environment(self, target: str) -> None:
        """What setup.sh takes for an environment that it made itself: this very one."""
        venv = self.root / (".venv" if target == "edge" else f".venv-{target}")
        (venv / "bin").mkdir(parents=True)
        python = venv / "bin/python"
        python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        python.chmod(0o755)
        for program in PROGRAMS:
            (venv / "bin" / program).symlink_to(Path(sys.executable).with_name(program))
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        lock = self.root / "requirements" / f"{target}-py{version.replace('.', '')}.txt"
        digest = hashlib.sha256(lock.read_bytes() + (self.root / "pyproject.toml").read_bytes()).hexdigest()
        (venv / "stamp").write_text(f"{version}\n{os.path.realpath(python)}\n{self.root}\n{digest}  -\n")

    def bring(self, line: Line) -> None:
        """What a line needs and a reader has: a photo, a clip, a history, a running service."""
        portrait = ROOT / "edge/assets/portrait.jpg"
        if "photo.jpg" in line.text:
            shutil.copy(portrait, self.root / "photo.jpg")
        if "clip.mp4" in line.text and not (self.root / "clip.mp4").exists():
            write_clip(portrait, self.root / "clip.mp4")
        if "mien history" in line.text and not (self.home / ".local/state/mien/history.db").exists():
            self.run("mien run --source demo --frames 40")
        if self.service is None and (PORT in line.text or " privacy " in line.text or line.shown == "mien status"):
            self._serve()

    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key in {"LANG", "LC_ALL", "TMPDIR"}}
        scripts = str(Path(sys.executable).parent)
        return kept | {
            "PATH": f"{scripts}:/usr/local/bin:/usr/bin:/bin:/usr/sbin",
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.runtime),
            "MIEN_CONFIG": str(self.settings),
        }

    def _serve(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [
            *("mien", "run", "--source", "demo", "--set", f"web.port={self.port}"),
            *("--set", "source.loop=true", "--set", "source.realtime=true"),
        ]
        log = self.home / "service.log"
        with log.open("wb") as out:
            self.service = subprocess.Popen(
                command, cwd=self.root, env=self.environment(), stdout=out, stderr=subprocess.STDOUT
            )
        wait_for(log, b'"phase":"running"', self.service)

    def close(self) -> None:
        if self.service is not None:
            self.service.send_signal(signal.SIGINT)
            self.service.wait(HUNG_S)

    def run(self, text: str) -> subprocess.CompletedProcess[str]:
        """A line, by bash. A service that would not end is interrupted once it says something, as by Ctrl-C."""
        text = text.replace(PORT, f"127.0.0.1:{self.port}") if self.port else text
        environment = self.environment()
        if " run" in text and "=" not in text.split()[0]:
            # Not the socket of the service that runs for the other lines.
            environment["RUNTIME_DIRECTORY"] = str(self.home)
        command = ["bash", "-c", text]
        if endless(text):
            return self._interrupt(command, environment)
        if "curl -N" in text:
            command = ["bash", "-c", text.replace("curl -N", "curl -N --max-time 2")]
        return subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, check=False, timeout=HUNG_S
        )

    def _interrupt(self, command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        log = self.home / "log"
        with log.open("wb") as out:
            running = subprocess.Popen(
                command,
                cwd=self.root,
                env=environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            wait_for(log, b"mien: demo", running)
            os.killpg(running.pid, signal.SIGINT)
            status = running.wait(HUNG_S)
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
        return subprocess.CompletedProcess(command, 0 if status == 130 else status, log.read_text(), "")


def endless(text: str) -> bool:
    """Whether it starts the service without saying when to stop; a clip ends by itself."""
    words = text.split()
    starts = " run" in text and Path(words[0]).name in {"setup.sh", "mien"} and words[1] == "run"
    return starts and not {"--frames", "--help", "clip.mp4"} & set(words)


def wait_for(log: Path, words: bytes, running: subprocess.Popen[bytes]) -> None:
    end_s = time.monotonic() + HUNG_S
    while words not in log.read_bytes():
        assert running.poll() is None, log.read_text()
        assert time.monotonic() < end_s, log.read_text()
        time.sleep(0.05)


def write_clip(portrait: Path, clip: Path) -> None:
    picture = cv2.imread(str(portrait))
    height, width = picture.shape[:2]
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"mp4v"), 15, (width, height))
    for _ in range(10):
        writer.write(picture)
    writer.release()
