"""Stand-ins for what a machine without cameras lacks. They ship with the code: tests, and people who write a
source or a sink, need no hardware and no waiting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading


class FakeClock:
    """Time that passes only where somebody waits; `monotonic_s` and `epoch_s` may be set to anything."""

    def __init__(self, monotonic_s: float = 1000.0, epoch_s: float = 1.7e9) -> None:
        self.monotonic_s = monotonic_s
        self.epoch_s = epoch_s

    def monotonic(self) -> float:
        return self.monotonic_s

    def epoch(self) -> float:
        return self.epoch_s

    def wait(self, event: threading.Event, timeout_s: float) -> None:
        if not event.is_set():
            self.pass_by(timeout_s)

    def pass_by(self, seconds: float) -> None:
        """Both clocks move on."""
        self.monotonic_s += seconds
        self.epoch_s += seconds
