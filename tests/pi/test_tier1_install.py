"""Tier 1: `setup.sh install` in an arm64 Debian, and inference in what it installed, on each Pi's processor.

For the time and the room that it takes: pytest -rP.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from count import bundled
from emulated import HERE, PROCESSORS
from root import Root, lacking

pytestmark = pytest.mark.pi
PYTHON = "/opt/mien/current/venv/bin/python"
RUNS = "3"


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def system(request: pytest.FixtureRequest) -> Iterator[Root]:
    """An arm64 root in which Mien was installed, as a Pi does it, but for the processor."""
    if reason := lacking(request.param):
        pytest.skip(reason)
    with Root(request.param) as root:
        before = used_mb(root)
        began_s = time.monotonic()
        done = root.run("/srv/mien/setup.sh", "install", "--offline", "/srv/wheels", "--purpose", "home")
        took_s = time.monotonic() - began_s
        assert done.returncode == 0, done.stderr
        assert "self-test: one face, happiness" in done.stderr
        sys.stdout.write(
            f"{request.param}: install took {took_s:.0f} s by qemu-user, {used_mb(root) - before} MB\n"
        )
        (root.path / "srv/invoke.py").write_bytes((HERE / "invoke.py").read_bytes())
        yield root


def used_mb(root: Root) -> int:
    done = subprocess.run(["du", "-smx", root.path], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0])


@functools.cache
def here(model: str) -> list[str]:
    """What this machine's own Python computes."""
    command = [sys.executable, str(HERE / "invoke.py"), str(bundled()[model]), RUNS]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("model", bundled())
def test_what_was_installed_computes_the_same_bits_as_here(system: Root, model: str, processor: str) -> None:
    file = f"/opt/mien/current/edge/assets/{model}.tflite"
    done = system.run(PYTHON, "/srv/invoke.py", file, RUNS, processor=processor)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == here(model)


def test_what_was_installed_is_found_by_the_next_boot(system: Root) -> None:
    wants = system.path / "etc/systemd/system/multi-user.target.wants"
    assert {link.name for link in wants.iterdir()} >= {"mien.service", "mien-trial.service"}
    assert system.run("id", "mien").returncode == 0
    assert "ok    model: emotion" in system.run("mien", "doctor").stdout


def test_a_second_install_builds_nothing(system: Root) -> None:
    done = system.run("/srv/mien/setup.sh", "install", "--offline", "/srv/wheels")
    assert done.returncode == 0, done.stderr
    assert "building" not in done.stderr
