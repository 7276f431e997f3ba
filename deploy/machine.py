"""The computer that is being changed: every change goes through here, is atomic, and can be left at words."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class Refusal(Exception):  # noqa: N818  (it is what the user reads)
    """Why it does not go on, in one line."""


NO_NETWORK = "the network cannot be reached"

listeners: list[Callable[[str], None]] = []
"""Who else is to hear what is said; at a first boot nobody sees standard error."""


def say(words: str) -> None:
    """A line on standard error, as setup.sh writes it, and to the listeners."""
    print(f"setup.sh: {words}", file=sys.stderr, flush=True)  # noqa: T201
    for listener in listeners:
        listener(words)


class Machine:
    """root: where its file system begins; another folder than / in tests.

    dry: nothing is changed; every change is told instead.
    """

    def __init__(self, root: Path = Path("/"), *, dry: bool = False) -> None:
        self.root = root
        self.dry = dry

    def path(self, name: str) -> Path:
        """The absolute path `name` of this machine."""
        return self.root / name.lstrip("/")

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep out other installations meanwhile. Raises Refusal where one is at work."""
        if self.dry or os.geteuid() != 0:  # changes nothing, or will be refused
            yield
            return
        with self.path("/run/mien-setup.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Refusal("another setup.sh is at work on this system; try again when it is done") from None
            yield

    def _told(self, words: str) -> bool:
        if self.dry:
            say(f"would {words}")
        return self.dry

    def run(
        self, *command: str, what: str = "", log: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> None:
        """Run a program that changes something. Raises Refusal with its last words."""
        if not self._told(f"run {' '.join(command)}"):
            ask(*command, what=what, log=log, variables=variables)

    def write(self, name: str, content: str | bytes, mode: int = 0o644) -> bool:
        """Replace a file as a whole; whether that changed anything."""
        path, data = self.path(name), content.encode() if isinstance(content, str) else content
        if path.is_file() and not path.is_symlink() and path.read_bytes() == data:
            return False
        if not self._told(f"write {name}"):
            with self._explained(name):
                path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(path, data, mode)
        return True

    def link(self, name: str, target: str) -> bool:
        """Point a symbolic link elsewhere by one rename; whether that changed anything."""
        path = self.path(name)
        if path.is_symlink() and str(path.readlink()) == target:
            return False
        if not self._told(f"link {name} to {target}"):
            with self._explained(name):
                path.parent.mkdir(parents=True, exist_ok=True)
                replace_link(path, target)
        return True

    def remove(self, name: str) -> bool:
        """Remove a file, link or folder with all it holds; whether it was there."""
        path = self.path(name)
        if not path.is_symlink() and not path.exists():
            return False
        if not self._told(f"remove {name}"):
            with self._explained(name):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
        return True

    @contextlib.contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Refusal(f"{name}: {error.strerror}") from error


def ask(*command: str, what: str = "", log: Path | None = None, variables: Mapping[str, str] | None = None) -> str:
    """What a program prints. log: where its words go, too. Raises Refusal with its last words."""
    environment = os.environ | (variables or {})
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Refusal(f"{what or command[0]}: {error.strerror}") from error
    if log is not None:
        with log.open("a") as file:
            file.write(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}")
    if done.returncode != 0:
        more = f" (more in {log})" if log else ""
        raise Refusal(f"{what or command[0]} failed: {reason(done.stderr or done.stdout)}{more}")
    return done.stdout


def reason(words: str) -> str:
    """The line of a failed program's words that says most."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    if "No space left on device" in words:
        return "the disk is full"
    if any(sign in words for sign in ("Temporary failure resolving", "NameResolutionError", "NewConnectionError")):
        return NO_NETWORK
    telling = [line for line in lines if line.startswith(("E:", "ERROR", "error:", "mien:"))]
    return (telling or lines or ["it said nothing"])[-1]


def succeeds(*command: str) -> bool:
    """Whether a program is there and ends well."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def write_whole(path: Path, data: bytes, mode: int) -> None:
    """Replace a file by one rename, on the disk before that: a power cut leaves the old one or the new one."""
    new = path.with_name(f"{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_folder(path.parent)


def replace_link(path: Path, target: str) -> None:
    """Point a symbolic link elsewhere by one rename."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Have the disk know what a folder holds."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
