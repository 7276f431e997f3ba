"""How long `mien run` takes to its first line and how much memory it holds: a process of its own, on the demo."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from edge.errors import MienError

if TYPE_CHECKING:
    from collections.abc import Sequence

FRAMES = 200
"""The memory is looked at after so many: the demo's face has come, been classified and gone by then."""
PATIENCE_S = 120.0
ALONE = (
    *("source.kind=demo", "source.realtime=false", "jsonl.stdout=true", "jsonl.file=", "web.port=0"),
    *("web.bind=127.0.0.1", "web.announce=false", "mqtt.enabled=false", "history.enabled=false"),
    *("service.control=false", "service.max_rss_mb=0"),
)
"""What keeps the started service from meeting another one."""


class StartError(MienError, RuntimeError):
    """`mien run` did not start with these settings. The message is its own."""


class Started(Struct, frozen=True):
    """start_s: from the start of the process to its first line. rss_bytes: its peak resident memory."""

    start_s: float
    rss_bytes: int


def start(words: Sequence[str], program: Sequence[str] = (sys.executable, "-m", "edge.cli")) -> Started:
    """Run it once. words: options of `mien run` that carry the settings. Raises StartError."""
    changes = [part for change in ALONE for part in ("--set", change)]
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryFile() as said:
        # A state of its own: the device's privacy switch has no say where there is no camera.
        environment = os.environ | {"XDG_STATE_HOME": home}
        environment.pop("STATE_DIRECTORY", None)
        began_s = time.perf_counter()
        process = subprocess.Popen(
            [*program, "run", *words, *changes], stdout=subprocess.PIPE, stderr=said, env=environment
        )
        timer = threading.Timer(PATIENCE_S, process.kill)
        timer.start()
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            start_s = time.perf_counter() - began_s
            line = first
            while line and frame_of(line) < FRAMES:
                line = process.stdout.readline()
            peak = peak_bytes(process.pid)
        finally:
            timer.cancel()
            process.kill()
            process.communicate()
        if not line:
            said.seek(0)
            reason = said.read().decode(errors="replace").strip().splitlines()
            raise StartError(f"mien run: {reason[-1] if reason else 'ended without a word'}")
    return Started(round(start_s, 4), peak)


def frame_of(line: bytes) -> int:
    """The frame that an event is about."""
    event: dict[str, int] = msgspec.json.decode(line)
    return event.get("frame", 0)


def peak_bytes(pid: int) -> int:
    """The most memory that a process ever held resident; 0 if the system does not say (proc(5), VmHWM)."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return 0
