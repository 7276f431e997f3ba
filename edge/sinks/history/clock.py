"""What the history asks of the machine's time, and whether the wall clock may be believed."""

from __future__ import annotations

import ctypes
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

BEGINNING_S = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
"""Mien is younger than no row: a wall clock before this is one that was never set (a Pi has no battery for it)."""

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
TIMESYNCD_STAMP = Path("/run/systemd/timesync/synchronized")
TIMEX_BYTES = 512
"""More than struct timex takes on any machine; zeros ask for the state and set nothing."""
TIME_ERROR = 5
"""What adjtimex() returns while the kernel's clock is not synchronized (adjtimex(2))."""


class Clock(Protocol):
    """Four things, so that a test can let a year pass."""

    def monotonic(self) -> float:
        """Seconds for durations."""
        ...

    def epoch(self) -> float:
        """Seconds since 1970."""
        ...

    def synchronized(self) -> bool:
        """Whether the wall clock has been set by one that knows."""
        ...

    def boot_id(self) -> str:
        """Which start of the machine the monotonic times count from."""
        ...


class SystemClock:
    """The machine's own time."""

    def monotonic(self) -> float:
        return time.monotonic()

    def epoch(self) -> float:
        return time.time()

    def synchronized(self) -> bool:
        # systemd-timesyncd leaves a stamp that outlives a lost network; chrony and ntpd tell the kernel alone.
        return TIMESYNCD_STAMP.exists() or kernel_synchronized()

    def boot_id(self) -> str:
        try:
            return BOOT_ID.read_text(encoding="ascii").strip()
        except OSError:
            return "unknown"


def kernel_synchronized() -> bool:
    """Whether somebody disciplines the kernel's clock; False where the kernel does not say."""
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    if adjtimex is None:
        return False
    state: int = adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    return 0 <= state < TIME_ERROR
