"""The privacy switch: on means that the camera is closed, not that its picture is hidden.

The switch lives in a file, read before any camera is opened: what cannot be read counts as on. Turning on takes
effect before the file is written, turning off after it, so that a power cut leaves the camera off when in doubt.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import threading
import time
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from edge.errors import PrivacyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = logging.getLogger("mien.privacy")

FILE_NAME = "privacy.json"
FILE_BYTES_MAX = 4096


class Switched(Struct, frozen=True, forbid_unknown_fields=True):
    """What the file holds. by: who turned it, e.g. "command", "mqtt". at: seconds since the epoch."""

    on: bool
    by: str
    at: float


class Privacy:
    """The switch. Any thread may read and turn it.

    path: its file; default_on: what holds before it was turned for the first time.
    """

    def __init__(self, path: Path, *, default_on: bool = False, epoch: Callable[[], float] = time.time) -> None:
        self._path = path
        self._epoch = epoch
        self._turning = threading.RLock()  # one turn at a time, its hooks included
        self._gate = threading.Lock()  # held for as long as one reading is handed on
        self._hooks: list[Callable[[bool], None]] = []
        self._switched = self._read(default_on=default_on)

    @property
    def on(self) -> bool:
        return self._switched.on

    @property
    def switched(self) -> Switched:
        """How it stands, who turned it, and when."""
        return self._switched

    def subscribe(self, hook: Callable[[bool], None]) -> None:
        """Call with True as soon as it is on (close the camera, forget the last picture), with False when off.

        In the thread of whoever turns it: be quick. Hooks run in the order in which they subscribed.
        """
        self._hooks.append(hook)

    def unsubscribe(self, hook: Callable[[bool], None]) -> None:
        """Call it no more; nothing happens if it was not called anyway."""
        self._hooks = [other for other in self._hooks if other != hook]

    def set(self, on: bool, *, by: str) -> None:  # noqa: FBT001  (as in threading.Event, the name says it)
        """Turn it. On return no reading is handed on any more and every hook has run.

        Raises PrivacyError if that cannot be kept: it is on all the same, but was not turned off.
        """
        with self._turning:
            switched = Switched(on, by, self._epoch())
            if on:
                self._take_effect(switched)
                self._save(switched)
            else:
                self._save(switched)
                self._take_effect(switched)

    def unless_on(self, hand_on: Callable[[], None]) -> bool:
        """Do what makes a picture or a word about it leave the loop; nothing and False while the switch is on."""
        with self._gate:
            if self._switched.on:
                return False
            hand_on()
            return True

    def _take_effect(self, switched: Switched) -> None:
        changed = switched.on != self._switched.on
        with self._gate:
            self._switched = switched
        if not changed:
            return
        log.info("privacy is %s, by %s", "on" if switched.on else "off", switched.by)
        for hook in self._hooks:
            try:
                hook(switched.on)
            except Exception:
                log.exception("privacy: a listener failed")

    def _read(self, *, default_on: bool) -> Switched:
        try:
            with self._path.open("rb") as file:
                return msgspec.json.decode(file.read(FILE_BYTES_MAX), type=Switched)
        except FileNotFoundError:
            return Switched(default_on, "settings", self._epoch())
        except (OSError, msgspec.DecodeError) as error:
            log.error("%s: cannot be read: %s: privacy is on", self._path, error)  # noqa: TRY400
            return Switched(on=True, by="unreadable file", at=self._epoch())

    def _save(self, switched: Switched) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self._path, msgspec.json.encode(switched))
        except OSError as error:
            if switched.on and self._spoil():
                return
            holds = "it is on, but may be off after a restart" if switched.on else "it stays on"
            raise PrivacyError(f"privacy: {self._path}: cannot be written: {error.strerror}: {holds}") from error

    def _spoil(self) -> bool:
        """A full disk still takes an empty file, and what cannot be read counts as on."""
        try:
            os.truncate(self._path, 0)
        except FileNotFoundError:
            with contextlib.suppress(OSError):
                self._path.touch(mode=0o600)
        except OSError:
            return False
        return self._path.is_file() and self._path.stat().st_size == 0


def write_whole(path: Path, content: bytes) -> None:
    """The file has its old content or the new one, whenever the power goes. Raises OSError."""
    beside = path.with_name(f".{path.name}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            written = os.write(handle, content)
            if written != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(handle)
        finally:
            os.close(handle)
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
