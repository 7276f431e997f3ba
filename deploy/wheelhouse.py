"""A folder with every wheel that a device needs, so that it can be installed without a network."""

from __future__ import annotations

import sys
from pathlib import Path

from deploy.machine import Refusal, ask, say, succeeds
from deploy.wheels import EXACT, QUIET, any_pip

GLIBC = (17, 36)
"""Of wheels, the oldest and the newest; Debian 12 has 2.36. pip takes platform names literally."""


def download(source: Path, folder: Path, python: tuple[int, int], machine: str) -> None:
    """Fetch the locked wheels, and the locked pip, for a Python and a machine. Raises Refusal."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{python[0]}{python[1]}"
    locks = (source / f"requirements/edge-py{name}.txt", source / "requirements/pip.lock")
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC[1], GLIBC[0] - 1, -1)]
    platforms += [f"manylinux2014_{machine}"]
    chosen = [word for platform in platforms for word in ("--platform", platform)]
    say(f"fetching wheels for Python {python[0]}.{python[1]} on {machine} into {folder}")
    for lock in locks:
        # It holds the packages against its own Python; the lock was made for the right one.
        ask(
            *workstation_pip(), "download", *QUIET, *EXACT, "--ignore-requires-python", "--implementation", "cp",
            "--python-version", ".".join(map(str, python)), "--abi", f"cp{name}", "--abi", "abi3", "--abi", "none",
            *chosen, "--dest", str(folder), "-r", str(lock),
            what="fetching the wheels", variables={"PIP_USER": "0"},
        )  # fmt: skip


def workstation_pip() -> tuple[str, ...]:
    """A command that runs pip. Raises Refusal where there is none."""
    try:
        return any_pip(sys.executable)
    except Refusal:
        if succeeds("python3", "-m", "pip", "--version"):
            return ("python3", "-m", "pip")
        raise
