"""Words to the service manager: ready, alive, reloading, stopping, and a line that `systemctl status` shows.

Source of the protocol: sd_notify(3). Where nobody listens, nothing is said.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ALIVE_EVERY_S = 1.0
"""Often enough for any WatchdogSec above 4 s, rarely enough to cost nothing at 240 frames a second."""


class Notifier:
    """One end of the socket that NOTIFY_SOCKET names; `address` None or "" is silence.

    watchdog_s: WatchdogSec, where there is one; pings come at least four times as often.
    """

    def __init__(
        self,
        address: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        watchdog_s: float | None = None,
    ) -> None:
        self._clock = clock
        self._every_s = min(ALIVE_EVERY_S, watchdog_s / 4) if watchdog_s else ALIVE_EVERY_S
        self._alive_s = -self._every_s
        self._status = ""
        self._address = f"\0{address[1:]}" if address and address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if address else None

    @classmethod
    def from_environment(cls) -> Notifier:
        """The manager that started this process, if one did."""
        microseconds = os.environ.get("WATCHDOG_USEC", "")
        watchdog_s = int(microseconds) / 1e6 if microseconds.isdigit() else None
        return cls(os.environ.get("NOTIFY_SOCKET"), watchdog_s=watchdog_s)

    @property
    def listens(self) -> bool:
        """Whether there is a manager."""
        return self._socket is not None

    def ready(self, status: str) -> None:
        """Everything has proved itself (again, after `reloading`); status: a line for people."""
        self._status = status
        self._tell(f"READY=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        """A line for people; the same as before is not told again."""
        if status != self._status:
            self._status = status
            self._tell(f"STATUS={status}")

    def alive(self) -> None:
        """A frame went through, or a turn of the loop without a camera did: the watchdog may wait again."""
        now_s = self._clock()
        if now_s - self._alive_s >= self._every_s:
            self._alive_s = now_s
            self._tell("WATCHDOG=1")

    def reloading(self) -> None:
        """The settings are read again; `ready` says that it is done."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """The end was asked for."""
        self._status = "stopping"
        self._tell("STOPPING=1\nSTATUS=stopping")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _tell(self, words: str) -> None:
        if self._socket is not None:
            # A manager that is being restarted hears nothing for a moment; the loop must not end for that, nor
            # wait where its queue is full.
            with contextlib.suppress(OSError):
                self._socket.sendto(words.encode(), socket.MSG_DONTWAIT, self._address or "")
