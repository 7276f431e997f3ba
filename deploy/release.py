"""A release: the program with its own environment in a folder of its own under /opt/mien/releases.

It is built where it will stay, marked as whole last of all, and never changed after that. `current` is a link that
one rename moves from one release to the next.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.machine import Machine, Refusal, ask, say, succeeds, write_whole
from deploy.wheels import fill

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "/opt/mien"
RELEASES = f"{PREFIX}/releases"
CURRENT = f"{PREFIX}/current"
STAMP = "stamp"
SHIPPED = (
    "edge",
    "deploy",
    "systemd",
    "requirements/edge-*.txt",
    "requirements/pip.lock",
    "docs/*.md",
    "setup.sh",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
)
SEEN_PACKAGES = ("python3-picamera2", "python3-libcamera")
"""Of the system; the environment sees them, so it is made anew when they change."""


def shipped(source: Path) -> Iterator[Path]:
    """The files of a release in a source tree, in order."""
    for pattern in SHIPPED:
        for found in sorted(source.glob(pattern)):
            for path in sorted(found.rglob("*")) if found.is_dir() else [found]:
                if path.is_file() and "__pycache__" not in path.parts and not path.name.endswith(".pyc"):
                    yield path


def surroundings() -> dict[str, str]:
    """What of the system an environment stands on: Python and the camera's packages, with their versions."""
    found = {"python": f"{sys.version_info[0]}.{sys.version_info[1]}"}
    for package in SEEN_PACKAGES:
        command = ("dpkg-query", "--show", "--showformat=${Version}", package)
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError:
            continue
        if done.returncode == 0 and done.stdout:
            found[package] = done.stdout
    return found


def name_of(source: Path, around: dict[str, str]) -> str:
    """VERSION-DIGEST of what the release is made from: the same sources and surroundings, the same name."""
    digest = hashlib.sha256(json.dumps(around, sort_keys=True).encode())
    for path in shipped(source):
        digest.update(f"{path.relative_to(source)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return f"{version_of(source)}-{digest.hexdigest()[:8]}"


def version_of(source: Path) -> str:
    """The version of a source tree. Raises Refusal if it is none of ours."""
    try:
        found = re.search(r'^__version__ = "([\w.]+)"$', (source / "edge/__init__.py").read_text(), re.MULTILINE)
    except OSError:
        found = None
    if found is None:
        raise Refusal(f"{source}: no source tree of Mien")
    return found[1]


def whole(folder: Path) -> bool:
    """Whether a release was finished."""
    return (folder / STAMP).is_file()


def made_for(folder: Path) -> dict[str, str]:
    """The surroundings that a finished release was made for."""
    read: dict[str, str] = json.loads((folder / STAMP).read_text())
    return read


def works(folder: Path) -> bool:
    """Whether a release's command starts."""
    return succeeds(str(folder / "venv/bin/mien"), "--version")


def build(machine: Machine, source: Path, wheelhouse: Path | None) -> str:
    """Build the release of a source tree unless it stands already; its name. Raises Refusal."""
    around = surroundings()
    name = name_of(source, around)
    folder = machine.path(f"{RELEASES}/{name}")
    if whole(folder):
        return name
    if machine.dry:
        say(f"would build {RELEASES}/{name} for Python {around['python']}")
        return name
    say(f"building {name} for Python {around['python']} in {RELEASES}")
    try:
        shutil.rmtree(folder, ignore_errors=True)  # what an interrupted build left
        folder.mkdir(parents=True)
        os.chmod(folder, 0o755)  # noqa: PTH101, S103
        copy(source, folder)
        fill(folder, around["python"], wheelhouse)
        finish(folder, around)
    except OSError as error:
        raise Refusal(f"{folder}: {error.strerror}") from error
    return name


def copy(source: Path, folder: Path) -> None:
    """The shipped files, readable by everyone and belonging to whoever builds."""
    for path in shipped(source):
        to = folder / path.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, to)
        to.chmod(0o755 if os.access(path, os.X_OK) else 0o644)


def finish(folder: Path, around: dict[str, str]) -> None:
    """Add the command `mien` to a filled environment, then mark the release as whole."""
    venv = folder / "venv"
    site = venv / f"lib/python{around['python']}/site-packages"
    (site / "mien.pth").write_text(f"{folder}\n")
    command = venv / "bin/mien"
    command.write_text(f"#!{venv}/bin/python -I\nfrom edge.cli import main\n\nmain()\n")
    command.chmod(0o755)
    ask(f"{venv}/bin/python", "-I", "-m", "compileall", "-q", str(folder / "edge"), str(folder / "deploy"))
    os.sync()  # all of it on the card before it counts
    write_whole(folder / STAMP, json.dumps(around).encode(), 0o644)


def current(machine: Machine) -> str | None:
    """The name of the release that `current` points to, if there is one."""
    link = machine.path(CURRENT)
    return link.readlink().name if link.is_symlink() else None


def tidy(machine: Machine, keep: set[str]) -> None:
    """Remove releases that nothing needs any more."""
    folder = machine.path(RELEASES)
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name not in keep:
            machine.remove(f"{RELEASES}/{path.name}")
