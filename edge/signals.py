"""SIGTERM and SIGINT end the loop after the frame in hand, a second one ends the process; SIGHUP reloads.

A handler of Python's may run while the loop's thread holds a lock, so that it could wait for itself: signals are
passed through a pipe to a thread instead, which hears of them even while the loop is inside a driver's call.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

STOPPING = (signal.SIGTERM, signal.SIGINT)


@contextlib.contextmanager
def passed_on(stop: Callable[[], None], reload: Callable[[], None]) -> Iterator[None]:
    """Calls these in a thread of their own. Does nothing outside the main thread, to which signals belong."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    listener = threading.Thread(target=listen, args=(reading, stop, reload), name="signals", daemon=True)
    before = {number: signal.signal(number, taken) for number in (*STOPPING, signal.SIGHUP)}
    fd_before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    listener.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(fd_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(writing)  # ends the thread
        listener.join(1)


def taken(number: int, _frame: FrameType | None) -> None:
    """The wake-up pipe has told already; the second time a stop is asked for the system's way holds."""
    if number in STOPPING:
        signal.signal(number, signal.SIG_DFL)


def listen(reading: int, stop: Callable[[], None], reload: Callable[[], None]) -> None:
    """Read signal numbers until the pipe is closed."""
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        while numbers := pipe.read(64):
            for number in numbers:
                if number in STOPPING:
                    stop()
                elif number == signal.SIGHUP:
                    reload()
