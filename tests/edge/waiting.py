"""Waiting for what another thread or program is about to do."""

import time
from collections.abc import Callable


def until(condition: Callable[[], object], patience_s: float = 10) -> None:
    end_s = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.005)
