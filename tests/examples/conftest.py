"""Examples are scripts: a test imports one as a script beside it would."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
sys.path[:0] = [str(EXAMPLES), str(EXAMPLES / "history_view")]
STOP_S = 60


@pytest.fixture(scope="session")
def examples() -> Path:
    return EXAMPLES


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a real service answers, on loopback: it plays the demo again and again."""
    settings = ("web.port=0", "source.loop=true", "jsonl.stdout=false", "service.max_rss_mb=0")
    words = [word for setting in settings for word in ("--set", setting)]
    folder = str(tmp_path_factory.mktemp("state"))
    command = [sys.executable, "-m", "edge.cli", "run", "--source", "demo", *words]
    surroundings = {"STATE_DIRECTORY": folder, "RUNTIME_DIRECTORY": folder, "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=surroundings) as service:
        assert service.stderr
        try:
            url, reader = told_address(service.stderr)
            yield url
        finally:
            service.terminate()
            service.wait(STOP_S)
        reader.join(STOP_S)


def told_address(log: Iterable[str]) -> tuple[str, threading.Thread]:
    """From the log, and who reads what is said later, so that the service never waits for us."""
    said = []
    for line in log:
        said.append(line)
        if found := re.search(r"page at (http://\S+)", line):
            reader = threading.Thread(target=lambda: list(log))
            reader.start()
            return found[1], reader
    pytest.fail("".join(said))
