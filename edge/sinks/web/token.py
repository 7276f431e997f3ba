"""The token that lets the local network in. Only its hash is kept; a new one holds at once and ends every session.

A browser exchanges the token for a cookie: an end of validity, signed with the hash. The hash is thus a secret,
too, and a file that others can read is refused.
"""

from __future__ import annotations

import base64
import grp
import hashlib
import hmac
import os
import re
import secrets
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.config import WebConfig

TOKEN_BYTES = 32
SYSTEM_FILE = Path("/etc/mien/web-token")
GROUP = "mien"
"""The service's: it must read what root wrote."""
SESSION_S = 30 * 24 * 3600
CONTENT = re.compile(r"sha256:([0-9a-f]{64})\s*")
CURE = "sudo mien token new"


def token_path(config: WebConfig) -> Path:
    """Where the hash is: as the settings say, else of the system, else of the user."""
    if config.token_file:
        return Path(config.token_file)
    if os.geteuid() == 0 or SYSTEM_FILE.exists():
        return SYSTEM_FILE
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "mien" / "web-token"


def new_token(path: Path) -> str:
    """A token that nobody has seen yet; its hash replaces the one in the file. Raises SinkError."""
    token = base64.urlsafe_b64encode(secrets.token_bytes(TOKEN_BYTES)).decode().rstrip("=")
    beside = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"sha256:{digest_of(token).hex()}\n")
            _let_the_service_read(file.fileno())
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise SinkError(f"{path}: cannot be written: {error.strerror}") from error
    return token


def _let_the_service_read(handle: int) -> None:
    if os.geteuid() != 0:
        return
    try:
        group = grp.getgrnam(GROUP).gr_gid
    except KeyError:
        return
    os.fchown(handle, 0, group)
    os.fchmod(handle, 0o640)


def digest_of(token: str) -> bytes:
    """32 bytes. The token is random, so that no slow hash is needed."""
    return hashlib.sha256(token.encode()).digest()


class Keeper:
    """Says whether a token or a cookie is right. The file is read again when it was changed.

    Raises SinkError if there is no hash that could be used.
    """

    def __init__(self, path: Path, epoch: Callable[[], float] = time.time) -> None:
        self._path = path
        self._epoch = epoch
        self._stamp: tuple[int, ...] = ()
        self._digest = b""
        self._read()

    def _read(self) -> None:
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_ino, found.st_size, found.st_mode)
            if stamp == self._stamp:
                return
            self._digest = b""  # until the new one has proved itself
            text = self._path.read_text(encoding="ascii", errors="replace")
        except FileNotFoundError as error:
            self._digest = b""
            raise SinkError(f"{self._path}: no token is there: {CURE}") from error
        except OSError as error:
            self._digest = b""
            raise SinkError(f"{self._path}: cannot be read: {error.strerror}") from error
        if found.st_mode & (stat.S_IROTH | stat.S_IWOTH):
            raise SinkError(f"{self._path}: others can read it: chmod o-rwx {self._path}")
        content = CONTENT.fullmatch(text)
        if not content:
            raise SinkError(f"{self._path}: holds no hash of a token: {CURE}")
        self._digest, self._stamp = bytes.fromhex(content[1]), stamp

    def _current(self) -> bytes:
        try:
            self._read()
        except SinkError:
            return b""  # nobody is let in
        return self._digest

    def knows(self, token: str) -> bool:
        """In the same time for every wrong token."""
        digest = self._current()
        return hmac.compare_digest(digest_of(token), digest or bytes(32)) and bool(digest)

    def session(self) -> str:
        """What a cookie holds: good for SESSION_S, unless a new token is made."""
        ends = f"{int(self._epoch()) + SESSION_S}.{secrets.token_urlsafe(9)}"
        return f"{ends}.{self._sign(ends)}"

    def remembers(self, session: str) -> bool:
        ends, _, signature = session.rpartition(".")
        until, _, _ = ends.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(ends).encode()) or not self._digest:
            return False
        return until.isascii() and until.isdigit() and self._epoch() < int(until)

    def _sign(self, ends: str) -> str:
        return hmac.new(self._current(), b"mien session " + ends.encode(), hashlib.sha256).hexdigest()
