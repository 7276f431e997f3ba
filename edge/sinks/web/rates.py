"""How often somebody may do something: a bucket an address, refilled steadily, and a bounded number of buckets."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ADDRESSES_MAX = 1024


class Rate:
    """`burst` at once, then `per_s` a second, for each address; beyond ADDRESSES_MAX the quietest is forgotten."""

    def __init__(self, burst: float, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._per_s = burst, per_s
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # by address: how many, and when

    def has_left(self, address: str) -> bool:
        """Whether one more is allowed; it is not taken."""
        return self._now_left(address) >= 1

    def take(self, address: str) -> bool:
        """One more, if it is allowed."""
        left = self._now_left(address)
        allowed = left >= 1
        self._left[address] = (left - allowed, self._clock())
        self._left.move_to_end(address)
        if len(self._left) > ADDRESSES_MAX:
            self._left.popitem(last=False)
        return allowed

    def _now_left(self, address: str) -> float:
        left, at_s = self._left.get(address, (self._burst, 0.0))
        return min(self._burst, left + (self._clock() - at_s) * self._per_s)
