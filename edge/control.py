"""The socket by which this machine's commands speak to the running service: one JSON object a line, each way.

    -> {"command": "privacy", "on": true}        <- {"ok": true, "answer": {...}}
    -> {"command": "fly"}                        <- {"ok": false, "error": "no such command: fly"}

Only root, the service's own user and the members of the group `mien` are answered; the kernel says who asks
(SO_PEERCRED, socket(7)). What is too long, too slow or one too many is hung up on.
"""

from __future__ import annotations

import contextlib
import fcntl
import grp
import logging
import os
import pwd
import socket
import struct
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edge.errors import ControlError, MienError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Commands = Mapping[str, Callable[[dict[str, Any]], Any]]

log = logging.getLogger("mien.control")

GROUP = "mien"
LINE_BYTES_MAX = 4096
CALLERS_MAX = 4
PATIENCE_S = 2.0
"""So long a caller may take for a line."""
ANSWER_S = 30.0
"""So long a command may take: proving a model is the longest."""
PATH_BYTES_MAX = 107
"""sun_path, unix(7)."""


class Control:
    """Listens at `path` and answers with `commands`: name -> function of the request, giving the answer.

    Raises ControlError if another Mien listens there or nothing can.
    """

    def __init__(self, path: Path, commands: Commands) -> None:
        self.path = path
        self._commands = commands
        self._callers = threading.BoundedSemaphore(CALLERS_MAX)
        self._lock, self._listener = listen_on(path)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """May be called twice."""
        if self._closed.is_set():
            return
        self._closed.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread
        self._thread.join(PATIENCE_S)
        self._listener.close()
        with contextlib.suppress(OSError):
            self.path.unlink()
        os.close(self._lock)

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                caller, _ = self._listener.accept()
            except OSError:
                if self._closed.wait(0.1):  # out of descriptors, or closed
                    return
                continue
            if not self._callers.acquire(blocking=False):
                caller.close()
                continue
            threading.Thread(target=self._serve, args=(caller,), name="command", daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        try:
            with caller, contextlib.suppress(OSError, TimeoutError):
                caller.settimeout(PATIENCE_S)
                self._answer(caller)
        finally:
            self._callers.release()

    def _answer(self, caller: socket.socket) -> None:
        uid = peer(caller)
        if not is_allowed(uid):
            log.warning("a command of user %d was refused", uid)
            send(caller, {"ok": False, "error": f"user {uid} may not command this service"})
            return
        line = receive_line(caller)
        if line is None:
            send(caller, {"ok": False, "error": f"a command is one line of {LINE_BYTES_MAX} bytes at most"})
            return
        send(caller, self._obey(line))

    def _obey(self, line: bytes) -> dict[str, Any]:
        try:
            request = msgspec.json.decode(line, type=dict[str, Any])
            name = request.get("command")
            act = self._commands.get(name) if isinstance(name, str) else None
            if act is None:
                return {"ok": False, "error": f"no such command: {name}"}
            return {"ok": True, "answer": act(request)}
        except msgspec.DecodeError as error:
            return {"ok": False, "error": f"no JSON object: {error}"}
        except MienError as error:
            return {"ok": False, "error": str(error)}
        except Exception as error:
            log.exception("a command failed")
            return {"ok": False, "error": f"{type(error).__name__}: {error}"}


def ask(path: Path, request: dict[str, Any], timeout_s: float = ANSWER_S) -> Any:
    """What the service that listens at `path` answers. Raises ControlError, FileNotFoundError where none does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        try:
            connection.connect(str(path))
            send(connection, request)
            line = receive_line(connection, limit=1 << 20)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise FileNotFoundError(f"{path}: no Mien listens there") from error
        except OSError as error:
            raise ControlError(f"{path}: {error.strerror or 'no answer'}") from error
    try:
        reply = msgspec.json.decode(line or b"", type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ControlError(f"{path}: the service gave no answer") from error
    if not reply.get("ok"):
        raise ControlError(str(reply.get("error")))
    return reply.get("answer")


def peer(connection: socket.socket) -> int:
    """The user id at the other end."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])


def is_allowed(uid: int) -> bool:
    """Root, the own user, and members of the group `mien` where this process belongs to it."""
    if uid in (0, os.geteuid()):
        return True
    try:
        group = grp.getgrnam(GROUP).gr_gid
        user = pwd.getpwuid(uid)
    except KeyError:
        return False
    own = {os.getegid(), *os.getgroups()}
    return group in own and group in os.getgrouplist(user.pw_name, user.pw_gid)


def listen_on(path: Path) -> tuple[int, socket.socket]:
    """(a lock's descriptor that says the place is ours, the socket). Raises ControlError."""
    if len(os.fsencode(path)) > PATH_BYTES_MAX:
        raise ControlError(f"{path}: too long a name for a socket")
    lock = -1
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held until the process ends, however it ends
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        listener.bind(str(path))
        path.chmod(0o660)
        listener.listen(CALLERS_MAX)
    except OSError as error:
        listener.close()
        if lock >= 0:
            os.close(lock)
        if isinstance(error, BlockingIOError):
            raise ControlError(f"{path}: another Mien listens there") from error
        raise ControlError(f"{path}: cannot be listened on: {error.strerror}") from error
    return lock, listener


def receive_line(connection: socket.socket, limit: int = LINE_BYTES_MAX) -> bytes | None:
    """Up to the first newline; None if it is longer than the limit or never comes."""
    content = b""
    while b"\n" not in content:
        piece = connection.recv(min(4096, limit + 1 - len(content)))
        content += piece
        if not piece or len(content) > limit:
            return None
    return content.partition(b"\n")[0]


def send(connection: socket.socket, message: dict[str, Any]) -> None:
    """Send one message, a line."""
    connection.sendall(msgspec.json.encode(message) + b"\n")
