"""Between the pipeline's loop and the viewers: the newest reading, the latest events, and who is watching.

The loop's thread calls `publish` alone; everything else belongs to the web thread. What both touch is held for
microseconds under one lock, and a viewer is woken only if one waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter, deque
from itertools import islice
from secrets import token_hex
from typing import TYPE_CHECKING, get_args

from msgspec import Struct

from edge.messages import Event, Reading, State
from edge.sinks.web.view import View, view_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from edge.config import Config
    from edge.core import Core

EVENTS_KEPT, RECENT_KEPT = 256, 50
"""For listeners that reconnect, and for a page that opens (without the regular State events)."""
KINDS = tuple(str(kind.__struct_config__.tag) for kind in get_args(Event))
RATE_OVER_FRAMES = 30
STALE_S, STALE_FRAMES = 3.0, 3
"""Without a new frame for this long (whichever is longer) there is no live picture."""


class Moment(Struct, frozen=True):
    """A reading as it came in. number: counts readings from 1. at_s: when, on the hub's clock."""

    number: int
    reading: Reading
    at_s: float


class Curtain(Struct, frozen=True):
    """There is to be no picture: privacy is on. number: counts on from the readings. size: of the last frame."""

    number: int
    size: tuple[int, int]


class Numbered(Struct, frozen=True):
    """An event and its place in this run's sequence, from 1."""

    number: int
    event: Event


class Health(Struct, frozen=True):
    """status: ok, private, starting (no frame yet) or no-frames (they have stopped); reason: why not ok."""

    status: str
    reason: str
    frame_age_s: float | None
    frames_per_s: float
    watchers: int
    max_watchers: int


class Hub:
    """Keeps one reading and a bounded tail of events, so that no viewer can ever make it grow.

    While privacy is on it keeps nothing, and whoever waits for a picture gets a curtain at once.
    told: how many events of each type there were. encoded: how many pictures. emotions: which metrics have named.
    """

    def __init__(self, config: Config, core: Core, clock: Callable[[], float] = time.monotonic) -> None:
        self.run_id = token_hex(4)
        self.camera = config.source.camera
        self.max_watchers = config.web.max_watchers
        self.watchers = 0
        self.closed = False
        self.encoded = 0
        self.told: Counter[str] = Counter(dict.fromkeys(KINDS, 0))
        self.emotions: set[str] = set()
        self.stale_s = max(STALE_S, STALE_FRAMES / config.source.fps)
        self._clock = clock
        self._lock = threading.Lock()
        self._privacy = core.privacy
        self._model = core.model
        self._moment: Moment | None = None
        self._number = 0
        self._size = (320, 240)
        self._curtain: Curtain | None = None
        self._arrivals_s: deque[float] = deque(maxlen=RATE_OVER_FRAMES)
        self._events: deque[Numbered] = deque(maxlen=EVENTS_KEPT)
        self._recent: deque[Event] = deque(maxlen=RECENT_KEPT)
        self._last_event = 0
        self._waiting = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self.forget(core.privacy.on)

    @property
    def model(self) -> str:
        """The name of the one that classifies; it may be swapped while pages are open."""
        return self._model.name

    def forget(self, private: bool) -> None:  # noqa: FBT001  (the switch calls it so)
        """Privacy was turned on or off: nothing from before is shown or told any more."""
        with self._lock:
            if self._moment:
                self._size = self._moment.reading.frame.size
            self._moment = None
            self._arrivals_s.clear()
            self._events.clear()
            self._recent.clear()
            self._number += 1
            self._curtain = Curtain(self._number, self._size) if private else None
        self._notify()

    @property
    def private(self) -> bool:
        return self._privacy.on

    def publish(self, reading: Reading) -> None:
        """Take a reading in. For the pipeline's thread; blocks on nothing."""
        now_s = self._clock()
        with self._lock:
            if self._curtain:
                return
            self._arrivals_s.append(now_s)
            self._number += 1
            self._moment = Moment(self._number, reading, now_s)
            if reading.events:
                self._keep(reading.events)
        self._notify()

    def tell(self, events: Sequence[Event]) -> None:
        """Take events in that no frame brought. For the pipeline's thread, too."""
        with self._lock:
            self._keep(events)
        self._notify()

    def _keep(self, events: Sequence[Event]) -> None:
        for event in events:
            self._last_event += 1
            self.told[event.__struct_config__.tag] += 1  # type: ignore[index]
            self._events.append(Numbered(self._last_event, event))
            if not isinstance(event, State):
                self._recent.append(event)

    def _notify(self) -> None:
        if self._waiting and self._loop:
            with contextlib.suppress(RuntimeError):  # the web thread has just ended
                self._loop.call_soon_threadsafe(self._wake)

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on those who wait are woken on this loop."""
        self._loop = loop

    def close(self) -> None:
        """Let every wait end at once."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    @property
    def curtain(self) -> Curtain | None:
        """What hides the picture while privacy is on."""
        return self._curtain

    def latest(self) -> Moment | None:
        """The newest reading; None before the first and once it is stale."""
        moment = self._moment
        return moment if moment and self._clock() - moment.at_s < self.stale_s else None

    async def next(self, after: int) -> Moment | Curtain | None:
        """The newest reading with a number above `after`, or the curtain, as soon as there is one.

        None when the hub closes.
        """
        while not self.closed:
            with self._listening() as news:
                if (curtain := self._curtain) and curtain.number > after:
                    return curtain
                if (moment := self.latest()) and moment.number > after:
                    return moment
                await news.wait()
        return None

    async def next_events(self, after: int, timeout_s: float) -> list[Numbered]:
        """Events with a number above `after`, as soon as there are some; none at the timeout or the end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not self.closed:
                    with self._listening() as news:
                        if events := self.events_after(after):
                            return events
                        await news.wait()
        return []

    @contextlib.contextmanager
    def _listening(self) -> Iterator[asyncio.Event]:
        # Counted before anything is looked at: a reading that comes in between then wakes us.
        self._waiting += 1
        try:
            yield self._news
        finally:
            self._waiting -= 1

    @property
    def last_event(self) -> int:
        """The number of the newest event, 0 before the first."""
        return self._last_event

    def events_after(self, number: int) -> list[Numbered]:
        """Events with a higher number, oldest first; those that have fallen off the tail are lost."""
        with self._lock:
            if number >= self._last_event:
                return []
            missed = min(self._last_event - number, len(self._events))
            return list(islice(self._events, len(self._events) - missed, None))

    def recent_events(self) -> list[Event]:
        """The last ones other than State, oldest first."""
        with self._lock:
            return list(self._recent)

    def seat(self) -> contextlib.AbstractContextManager[None] | None:
        """A place among the viewers, held while the context lasts; None if all are taken."""
        if self.watchers >= self.max_watchers:
            return None
        self.watchers += 1
        return self._seated()

    @contextlib.contextmanager
    def _seated(self) -> Iterator[None]:
        try:
            yield
        finally:
            self.watchers -= 1

    def _frames_per_s(self) -> float:
        """Over the last frames."""
        with self._lock:
            if not self._arrivals_s:
                return 0.0
            passed_s = self._arrivals_s[-1] - self._arrivals_s[0]
            return (len(self._arrivals_s) - 1) / passed_s if passed_s > 0 else 0.0

    def view(self, moment: Moment) -> View:
        return view_of(moment.reading, camera=self.camera, model=self.model, frames_per_s=self._frames_per_s())

    def health(self) -> Health:
        moment = self._moment
        if self.private:
            return Health("private", "privacy is on", None, 0.0, self.watchers, self.max_watchers)
        if moment is None:
            return Health("starting", "no frame has come yet", None, 0.0, self.watchers, self.max_watchers)
        age_s = round(self._clock() - moment.at_s, 3)
        if age_s >= self.stale_s:
            reason = f"no frame for {age_s:.0f} s"
            return Health("no-frames", reason, age_s, 0.0, self.watchers, self.max_watchers)
        rate = round(self._frames_per_s(), 1)
        return Health("ok", "", age_s, rate, self.watchers, self.max_watchers)
