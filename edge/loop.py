"""The service's loop: a frame after the other while there are some, else a turn a second; always in a named phase.

The watchdog hears of a frame that went through, or of a turn without frames; of nothing else.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from edge import vitals
from edge.errors import SourceError
from edge.intake import STUCK_PRIVATE_S
from edge.messages import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.core import Core
    from edge.intake import Intake
    from edge.messages import Frame
    from edge.notify import Notifier
    from edge.pipeline import Pipeline
    from edge.sources import Source
    from edge.sources.pace import Clock

log = logging.getLogger("mien.service")

TURN_S = 1.0
PACE_SLACK = 0.9
"""A frame that comes this share of the interval after the last one is in time for `adapt.fps`."""


class Loop:
    """Runs until the source ends or somebody asks to stop.

    frames: stop after so many. max_rss_mb: end, to be started again, above this; 0 for never.
    """

    def __init__(
        self,
        core: Core,
        pipeline: Pipeline,
        intake: Intake,
        notifier: Notifier,
        clock: Clock,
        *,
        frames: int | None = None,
        max_rss_mb: int = 0,
        fps: float = 0.0,
        look: Callable[[], vitals.Vitals] = vitals.look,
    ) -> None:
        self.max_rss_mb = max_rss_mb
        self.fps = fps
        self._core = core
        self._pipeline = pipeline
        self._intake = intake
        self._notifier = notifier
        self._clock = clock
        self._frames_left = frames
        self._look = look
        self._looked_s = -vitals.LOOK_EVERY_S
        self._skipped = 0
        self._processed_s: float | None = None
        self._live = True
        core.state.subscribe(lambda status: notifier.status(status.line))

    def run(self) -> None:
        """Raises SourceError if a source that is no camera fails, StuckError if a driver hangs."""
        while not self._core.stop.asked:
            self._core.requests.wake.clear()
            self._core.requests.run()
            if self._core.stop.asked:
                return
            if self._core.privacy.on:
                self._private()
            elif self._intake.source is None:
                self._seek()
            else:
                self._read(self._intake.source)

    def stopping(self) -> None:
        """Say goodbye to listeners; the sinks are still open."""
        self._notifier.stopping()
        self._core.state.enter(Phase.STOPPING)
        self.tell_without_frames()

    def _private(self) -> None:
        self._intake.close()
        if self._intake.is_closed(STUCK_PRIVATE_S):
            if self._core.state.phase is not Phase.PRIVATE:
                vitals.give_back()
            self._core.state.enter(Phase.PRIVATE, "the camera is closed")
            self._intake.at_once()  # once privacy is off
        self._turn_without_frames()

    def _seek(self) -> None:
        # Said before the attempt: whoever switches privacy on meanwhile must not take the phase before it, private,
        # for the camera's being closed.
        if not self._core.privacy.unless_on(lambda: self._core.state.enter(Phase.NO_SOURCE, self._intake.note)):
            return
        if not self._intake.open_if_due():
            self._turn_without_frames()

    def _turn_without_frames(self) -> None:
        self.tell_without_frames()
        self._check_vitals()
        self._notifier.alive()
        self._clock.wait(self._core.requests.wake, TURN_S)

    def tell_without_frames(self) -> None:
        """Who was in view is given up, and the state is told if it is time."""
        phase = self._core.state.phase
        # A file's clock stands still where its frames end.
        time_s = self._clock.monotonic() if self._live else self._processed_s or 0.0
        self._pipeline.tell_without_frames(phase, time_s, self._clock.epoch())

    def _read(self, source: Source) -> None:
        stages = self._core.stages
        self._live = source.live
        mark = stages.now()
        try:
            for frame in source:
                mark = stages.passed("capture", mark)
                if not self._take(frame, source, mark):
                    return
                mark = stages.now()
        except SourceError as error:
            if not source.live:
                raise
            if not self._core.privacy.on:  # else whoever switched it on has closed the source under our hands
                self._intake.lose(error)
            return
        if self._intake.source is source:  # it ended by itself
            self._core.stop.ask()

    def _take(self, frame: Frame, source: Source, mark: float) -> bool:
        """Whether the next frame of this source is wanted."""
        if not self._is_skipped(frame):
            if not self._pipeline.process(frame):
                return False
            self._went_through(frame, source, mark)
        if self._core.requests.wake.is_set():
            self._core.requests.wake.clear()
            self._core.requests.run()
        return not (self._core.stop.asked or self._core.privacy.on or self._intake.source is not source)

    def _went_through(self, frame: Frame, source: Source, mark: float) -> None:
        effort = self._pipeline.parts.effort
        if source.live:
            self._core.stages.add("latency", self._clock.monotonic() - frame.time_s)
            effort.worked(frame.time_s, self._core.stages.now() - mark)
            self._core.state.reduce(effort.reduced)
        self._intake.has_frames()
        self._core.state.enter(Phase.RUNNING, source.name)
        self._notifier.alive()
        self._check_vitals()
        if self._frames_left is not None:
            self._frames_left -= 1
            if self._frames_left <= 0:
                self._core.stop.ask()

    def _is_skipped(self, frame: Frame) -> bool:
        """Whether this frame is left out, for the target rate or because less is done."""
        self._skipped += 1
        early = (
            self.fps > 0
            and self._processed_s is not None
            and 0 <= frame.time_s - self._processed_s < PACE_SLACK / self.fps
        )
        if early or self._skipped < self._pipeline.parts.effort.plan.frame_every:
            self._core.counts.skipped += 1
            return True
        self._skipped, self._processed_s = 0, frame.time_s
        return False

    def _check_vitals(self) -> None:
        now_s = self._clock.monotonic()
        if now_s - self._looked_s < vitals.LOOK_EVERY_S:
            return
        self._looked_s = now_s
        seen = self._look()
        counts = self._core.counts
        counts.rss_bytes, counts.celsius, counts.throttled = seen
        self._pipeline.parts.effort.heat(seen.celsius, throttled=seen.throttled)
        if self.max_rss_mb and seen.rss_bytes > self.max_rss_mb * 1_000_000:
            self._core.stop.ask_again(
                f"{seen.rss_bytes / 1e6:.0f} MB of memory are resident, service.max_rss_mb = {self.max_rss_mb}: "
                "ends to be started again"
            )
