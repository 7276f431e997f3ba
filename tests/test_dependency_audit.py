"""The locks as pip-audit reads them: SECURITY.md's command asks for every package, and fails where one is weak.

pip-audit is no dependency of ours: it is used where it is installed (pipx install pip-audit). The database is one
on loopback; what a real one says is not for a test.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = sorted([*ROOT.glob("requirements/*.txt"), *ROOT.glob("requirements/*.lock")])
PIN = re.compile(r"^([a-z0-9._-]+)==(\S+) ", re.MULTILINE | re.IGNORECASE)
COMMAND = re.compile(r"`(pip-audit [^`]+) -r LOCK`")


class Database(ThreadingHTTPServer):
    """Speaks as OSV does (google.github.io/osv.dev/post-v1-query); knows one weakness of one package at most."""

    def __init__(self, weak: str) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.weak = weak
        self.asked: set[tuple[str, str]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/query"


class Answer(BaseHTTPRequestHandler):
    server: Database

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = asked["package"]["name"]
        self.server.asked.add((name, asked["version"]))
        found = {"vulns": [weakness(name)]} if name == self.server.weak else {}
        content = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def weakness(name: str) -> dict[str, object]:
    every = {"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}
    affected = {"package": {"name": name, "ecosystem": "PyPI"}, "ranges": [every]}
    return {"id": "TEST-1", "modified": "2026-01-01T00:00:00Z", "details": "made up", "affected": [affected]}


@contextlib.contextmanager
def database(weak: str = "") -> Iterator[Database]:
    with Database(weak) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        try:
            yield found
        finally:
            found.shutdown()
            thread.join()


def audited(lock: Path, url: str) -> subprocess.CompletedProcess[str]:
    """SECURITY.md's command, asking the database at this address."""
    program = shutil.which("pip-audit") or pytest.skip("pip-audit is not installed")
    found = COMMAND.search((ROOT / "SECURITY.md").read_text())
    assert found
    words = found[1].split()[1:]
    return subprocess.run(
        [program, *words, "--osv-url", url, "-r", str(lock)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_package_of_a_lock_is_asked_for(lock: Path) -> None:
    pinned = {(name, version) for name, version in PIN.findall(lock.read_text())}
    assert pinned
    with database() as found:
        done = audited(lock, found.url)
    assert done.returncode == 0, done.stderr
    assert found.asked == pinned


def test_a_weak_package_fails_by_its_name() -> None:
    with database("uvicorn") as found:
        done = audited(ROOT / "requirements/edge-py311.txt", found.url)
    assert done.returncode == 1
    assert re.search(r"^uvicorn .*TEST-1", done.stdout, re.MULTILINE), done.stdout


def test_a_database_that_cannot_be_asked_is_no_clean_bill() -> None:
    with database() as found:
        gone = found.url
    assert audited(ROOT / "requirements/edge-py311.txt", gone).returncode != 0
