"""A loop on fake parts, for tests of what it does around the pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from edge.config import AdaptConfig, DecideConfig, TrackConfig
from edge.core import Core
from edge.decide import Decider
from edge.effort import Effort
from edge.errors import SourceError
from edge.intake import Intake
from edge.look import Look
from edge.loop import Loop
from edge.messages import Event, Face, Frame, Reading, State
from edge.notify import Notifier
from edge.pipeline import Parts, Pipeline
from edge.privacy import Privacy
from edge.sources import Source
from edge.sources.fake import FakeClock
from edge.track import Tracker
from edge.vitals import Vitals

LABELS = ("happiness", "neutral")


class NoDetector:
    """Finds nobody."""

    def detect(self, luma: np.ndarray) -> list[Face]:
        return []


class Ear:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.events: list[Event] = []

    def publish(self, reading: Reading) -> None:
        self.readings.append(reading)
        self.events += reading.events

    def tell(self, events: Iterable[Event]) -> None:
        self.events += events

    def close(self) -> None:
        pass

    def phases(self) -> list[str]:
        """Of the states heard, each change once."""
        phases = [event.phase for event in self.events if isinstance(event, State)]
        return [phase for n, phase in enumerate(phases) if n == 0 or phases[n - 1] != phase]


class FakeClassifier:
    """Never asked: nobody is found."""

    labels, name = LABELS, "fake"


class Bench:
    """A loop, and all that it stands on.

    sources: what opening gives in turn, an error is raised; when they are used up the loop is asked to stop.
    """

    def __init__(
        self,
        folder: Path,
        sources: Iterable[Source | Exception],
        *,
        clock: FakeClock | None = None,
        notifier: Notifier | None = None,
        look: Callable[[], Vitals] = lambda: Vitals(0, None, throttled=False),
        frames: int | None = None,
        state_every_s: float = 1.0,
    ) -> None:
        self.clock = clock or FakeClock()
        self.core = Core(Privacy(folder / "privacy.json"))
        self.ear = Ear()
        self.opened_s: list[float] = []
        self._sources = iter(sources)
        adapt = AdaptConfig()
        parts = Parts(
            NoDetector(),
            Tracker(TrackConfig()),
            FakeClassifier(),  # type: ignore[arg-type]
            Decider(DecideConfig(state_every_s=state_every_s), LABELS, "door"),
            Look(motion_gate=False),
            Effort(adapt),
        )
        self.pipeline = Pipeline(parts, [self.ear], self.core)
        self.intake = Intake(self.open, self.clock, self.core.counts)
        self.notifier = notifier or Notifier(clock=self.clock.monotonic)
        self.loop = Loop(self.core, self.pipeline, self.intake, self.notifier, self.clock, frames=frames, look=look)

    def open(self) -> Source:
        self.opened_s.append(self.clock.monotonic() - 1000)
        source = next(self._sources, None)
        if source is None:
            self.core.stop.ask()
            raise SourceError("no more")
        if isinstance(source, Exception):
            raise source
        return source

    def frames(self, number: int, every_s: float = 0.1) -> Iterable[Frame]:
        """Of a camera on the bench's clock, which passes with them."""
        for n in range(number):
            self.clock.pass_by(every_s)
            yield Frame(np.zeros((8, 8), np.uint8), self.clock.monotonic(), self.clock.epoch(), n)
