"""Fills an environment with exactly the locked packages, from an index or from a folder of wheels."""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
from pathlib import Path

from deploy.machine import Refusal, ask, say, succeeds

QUIET = ("--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--no-cache-dir")
EXACT = ("--no-deps", "--only-binary", ":all:", "--require-hashes")
DEBIAN_WHEELS = Path("/usr/share/python-wheels")


def fill(folder: Path, python: str, wheelhouse: Path | None) -> None:
    """Make folder/venv, which sees the system's packages, and install the lock file's into it. Raises Refusal."""
    venv, log, scratch = folder / "venv", folder / "setup.log", folder / "tmp"
    scratch.mkdir()
    # /tmp may be memory, of which a small board has too little for OpenCV's wheel.
    variables = {"TMPDIR": str(scratch), "PIP_USER": "0", "PYTHONNOUSERSITE": "1"}
    lock = folder / f"requirements/edge-py{python.replace('.', '')}.txt"
    ask(sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", str(venv), log=log)
    interpreter = str(venv / "bin/python")
    index = ("--no-index", "--find-links", str(wheelhouse)) if wheelhouse else ()
    pip = locked_pip(folder, interpreter, wheelhouse, log, variables)
    say(f"installing {lock.read_text().count('==')} packages" + (f" from {wheelhouse}" if wheelhouse else ""))
    # Even what the system has too: apt must not be able to change it underneath.
    ask(
        interpreter, "-m", "pip", "install", *QUIET, *index, "--ignore-installed", "--no-warn-script-location",
        "--root-user-action", "ignore", *EXACT, "-r", str(lock),
        what="installing the packages", log=log, variables=variables | {"PYTHONPATH": str(pip)},
    )  # fmt: skip
    shutil.rmtree(scratch)


def locked_pip(
    folder: Path, interpreter: str, wheelhouse: Path | None, log: Path, variables: dict[str, str]
) -> Path:
    """The wheel of the locked pip, which Python runs as it is; it does not stay. Raises Refusal."""
    lock = folder / "requirements/pip.lock"
    if wheelhouse is not None:
        hashes = set(re.findall(r"sha256:([0-9a-f]{64})", lock.read_text()))
        for wheel in sorted(wheelhouse.glob("pip-*.whl")):
            if hashlib.sha256(wheel.read_bytes()).hexdigest() in hashes:
                return wheel
        raise Refusal(f"{wheelhouse}: does not hold the pip of requirements/pip.lock")
    kept = folder / "tmp/pip"
    ask(
        *any_pip(interpreter), "download", *QUIET, *EXACT, "--dest", str(kept), "-r", str(lock),
        what="fetching pip", log=log, variables=variables,
    )  # fmt: skip
    return next(kept.glob("pip-*.whl"))


def any_pip(interpreter: str) -> tuple[str, ...]:
    """A command that runs whatever pip the system has, good enough to fetch the locked one."""
    for wheel in sorted(DEBIAN_WHEELS.glob("pip-*.whl")):
        return (interpreter, f"{wheel}/pip")
    if succeeds(sys.executable, "-m", "pip", "--version"):
        return (sys.executable, "-m", "pip")
    raise Refusal("no pip to fetch the packages with: sudo apt install python3-pip-whl")
