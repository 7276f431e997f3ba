"""Rounds through the loop of `mien run`: the same Loop, Intake, Pipeline, stages and sinks, other frames."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from edge.bench.conditions import waited_s
from edge.bench.record import Recorder
from edge.build import build_sinks
from edge.config import Config, HistoryConfig, JsonlConfig, MqttConfig
from edge.core import Core
from edge.decide import Decider
from edge.effort import Effort
from edge.errors import SourceError
from edge.intake import Intake
from edge.look import Look
from edge.loop import Loop
from edge.notify import Notifier
from edge.pipeline import Parts, Pipeline
from edge.sources.pace import SystemClock
from edge.track import Tracker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge.messages import Frame
    from edge.privacy import Privacy
    from edge.sinks import Sink
    from edge.sources import Source


class Plan(Struct, frozen=True, kw_only=True):
    """How much is measured: rounds of at least round_s seconds and min_frames frames, each after a warm-up."""

    rounds: int = 5
    round_s: float = 2.0
    min_frames: int = 10
    warm_up: int = 10


class Round(Struct, frozen=True):
    """What one round took, the warm-up left out. times: seconds by stage, one a frame. size: (width, height)."""

    times: dict[str, list[float]]
    size: tuple[int, int]
    wall_s: float
    cpu_s: float
    waited_s: float | None


def bench_config(config: Config) -> Config:
    """These settings with nothing left out for want of time, heat or motion, and events written to nowhere."""
    return replace(
        config,
        adapt=replace(config.adapt, fps=0.0, motion_gate=False, max_load=0.0, hot_celsius=0.0),
        jsonl=JsonlConfig(stdout=False, file=os.devnull),
        web=replace(config.web, enabled=False),
        history=HistoryConfig(),
        mqtt=MqttConfig(),
    )


def fresh(parts: Parts, config: Config) -> Parts:
    """The same detector and classifier among stages that know nothing of earlier frames."""
    return parts._replace(
        tracker=Tracker(config.track),
        decider=Decider(config.decide, parts.classifier.labels, config.source.camera),
        look=Look(motion_gate=config.adapt.motion_gate),
        effort=Effort(config.adapt),
    )


def run_loop(
    core: Core, parts: Parts, open_source: Callable[[], Source], *, extra: tuple[Sink, ...] = (), config: Config
) -> None:
    """The service's loop over a source until that ends. Raises SourceError, SinkError, StuckError."""
    clock = SystemClock()
    intake = Intake(open_source, clock, core.counts)
    pipeline = Pipeline(parts, [], core)
    source = intake.open()
    try:
        pipeline.sinks = [*build_sinks(config, core, live=source.live), *extra]
        Loop(core, pipeline, intake, Notifier(), clock, fps=config.adapt.fps).run()
    finally:
        intake.close()
        for sink in pipeline.sinks:
            sink.close()


def run_round(
    parts: Parts, config: Config, privacy: Privacy, open_source: Callable[[], Source], plan: Plan
) -> Round:
    """One round over what `open_source` opens. Raises SourceError, also if a camera is lost on the way."""
    recorder = Recorder()
    core = Core(privacy, stages=recorder)
    opened: list[Measured] = []

    def opener() -> Measured:
        opened.append(Measured(open_source(), recorder, plan, core))
        return opened[-1]

    run_loop(core, fresh(parts, config), opener, config=config)
    (source,) = opened
    if source.error is not None:
        raise source.error
    if source.round is None:
        raise SourceError(f"{source.name}: ended before {plan.warm_up + plan.min_frames} frames")
    return source.round


class Measured:
    """A source of which a round is measured; to the loop it is any source."""

    def __init__(self, source: Source, recorder: Recorder, plan: Plan, core: Core) -> None:
        self.name, self.live = source.name, source.live
        self.round: Round | None = None
        self.error: SourceError | None = None
        self._source = source
        self._recorder = recorder
        self._plan = plan
        self._core = core

    @property
    def dropped(self) -> int:
        return self._source.dropped

    def close(self) -> bool:
        return self._source.close()

    def __iter__(self) -> Iterator[Frame]:
        try:
            yield from self._frames()
        except SourceError as error:
            self.error = error
            self._core.stop.ask()  # the service would wait for the camera to come back
            raise

    def _frames(self) -> Iterator[Frame]:
        plan = self._plan
        began = Mark.now()
        for number, frame in enumerate(self._source):
            if number == plan.warm_up:
                self._recorder.begin()
                began = Mark.now()
            elif number >= plan.warm_up + plan.min_frames and time.perf_counter() - began.wall_s >= plan.round_s:
                self.round = began.round(self._recorder.times, frame.size)
                return
            yield frame


class Mark(Struct, frozen=True):
    """The clocks at one moment."""

    wall_s: float
    cpu_s: float
    waited_s: float | None

    @classmethod
    def now(cls) -> Mark:
        return cls(time.perf_counter(), time.process_time(), waited_s())

    def round(self, times: dict[str, list[float]], size: tuple[int, int]) -> Round:
        """The round from this mark until now."""
        now = Mark.now()
        waited = None if self.waited_s is None or now.waited_s is None else now.waited_s - self.waited_s
        return Round(times, size, now.wall_s - self.wall_s, now.cpu_s - self.cpu_s, waited)
