"""A whole run: conditions, start-up, rounds of all scenes in turns, energy; or what there is when interrupted."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import cv2
from msgspec import Struct
from msgspec.structs import replace

from edge.bench import conditions
from edge.bench.accuracy import measure_accuracy
from edge.bench.energy import measure_energy
from edge.bench.machine import describe_run
from edge.bench.marks import marks
from edge.bench.measure import Plan, Round, bench_config, run_round
from edge.bench.result import Condition, Result, SceneResult
from edge.bench.scenes import HEADLINE, SceneSource, make_scene, scene_names
from edge.bench.start import start
from edge.bench.summary import faces_found, summarize
from edge.build import Opener, build_parts
from edge.core import new_core
from edge.errors import PrivacyError
from edge.privacy import Privacy

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.bench.scenes import Scene
    from edge.config import Config
    from edge.sources import Source

LIVE = "live"
IDLE_S = 5.0


class Wish(Struct, frozen=True, kw_only=True):
    """What to measure. words: options of `mien run` that carry the settings, for start-up; starts: how often."""

    plan: Plan = Plan()
    scenes: tuple[str, ...] = tuple(scene_names())
    live: bool = False
    anyway: bool = False
    starts: int = 5
    accuracy: Path | None = None
    split: str = ""
    whole: bool = False
    words: tuple[str, ...] = ()
    command: str = "mien bench"


class Watch(Protocol):
    """Who wants to see how it goes, and to keep what there is."""

    def begin(self, what: str, steps: int) -> Callable[[float], None]:
        """A part of the run begins; what is returned is told of its steps."""
        ...

    def keep(self, result: Result) -> None:
        """What there is so far, after each round of all scenes."""
        ...


class Unwatched:
    """Nobody looks."""

    def begin(self, _what: str, _steps: int) -> Callable[[float], None]:
        return lambda _steps: None

    def keep(self, _result: Result) -> None:
        """It is forgotten."""


class Session:
    """One run. `interrupted` is set where somebody ended it before it was through."""

    def __init__(self, config: Config, wish: Wish, watch: Watch | None = None) -> None:
        self.config = bench_config(config)
        self.interrupted = False
        self._wish = wish
        self._watch = watch or Unwatched()
        self._rounds: dict[str, list[Round]] = {}
        self._shown: dict[str, tuple[int, tuple[float, float]]] = {}
        self._result: Result | None = None

    def run(self) -> Result:
        """What was found. Raises BusyError, and what `mien run` raises with these settings."""
        cv2.setNumThreads(self.config.classify.threads)
        self._result = describe_run(self.config, self._wish.plan, self._wish.command)
        if self._wish.live:
            self._privacy()
            Opener(self.config.source, demo=False)().close()  # before anybody waits for the rest
        load = conditions.Load()
        time.sleep(conditions.LOOK_S)
        before = conditions.look(load)
        if not self._wish.anyway and self._wish.accuracy is None:  # an answer is as right on a busy machine
            conditions.prove_quiet(before)
        self._change(before=before)
        try:
            self._measure()
        except KeyboardInterrupt:
            self.interrupted = True
        after = conditions.look(load)
        return self._so_far(after, complete=not self.interrupted)

    def _measure(self) -> None:
        wish = self._wish
        if wish.starts:
            self._measure_start()
        parts = build_parts(self.config)
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            privacy = self._privacy() if wish.live else Privacy(folder / "privacy.json")
            if wish.accuracy is not None:
                self._change(
                    accuracy=measure_accuracy(
                        parts,
                        self.config,
                        wish.accuracy,
                        wish.split,
                        whole=wish.whole,
                        begin=lambda n: self._watch.begin("pictures", n),
                    )
                )
                return
            openers = self._openers(parts.detector)
            step = self._watch.begin("rounds", wish.plan.rounds * len(openers))
            for _ in range(wish.plan.rounds):
                for name, opener in openers.items():
                    taken = run_round(parts, self.config, privacy, opener, wish.plan)
                    self._rounds.setdefault(name, []).append(taken)
                    step(1)
                self._watch.keep(self._so_far(None, complete=False))
            if LIVE not in openers:
                headline = openers[self._headline]
                self._measure_energy(lambda plan: run_round(parts, self.config, privacy, headline, plan))

    def _openers(self, detector: object) -> dict[str, Callable[[], Source]]:
        if self._wish.live:
            return {LIVE: Opener(self.config.source, demo=False)}
        openers: dict[str, Callable[[], Source]] = {}
        step = self._watch.begin("scenes", len(self._wish.scenes))
        for name in self._wish.scenes:
            scene = make_scene(name)
            self._shown[name] = scene.faces, faces_found(detector, scene)  # type: ignore[arg-type]
            openers[name] = _opener(scene)
            step(1)
        return openers

    def _privacy(self) -> Privacy:
        privacy = new_core(self.config).privacy
        if privacy.on:
            raise PrivacyError("privacy is on: the camera stays closed (mien privacy off opens it)")
        return privacy

    def _measure_start(self) -> None:
        step = self._watch.begin("start-up", self._wish.starts)
        runs = []
        for _ in range(self._wish.starts):
            runs.append(start(self._wish.words))
            step(1)
        seconds = sorted(run.start_s for run in runs)
        self._change(
            start_s=seconds[len(seconds) // 2],
            start_runs_s=tuple(run.start_s for run in runs),
            rss_bytes=max(run.rss_bytes for run in runs),
        )

    def _measure_energy(self, work: Callable[[Plan], Round]) -> None:
        def frames_a_second() -> float:
            taken = work(replace(self._wish.plan, round_s=IDLE_S))
            return len(taken.times["publish"]) / taken.wall_s

        self._change(energy=measure_energy(frames_a_second, IDLE_S))

    def _change(self, **fields: object) -> None:
        assert self._result is not None
        self._result = replace(self._result, **fields)

    @property
    def _headline(self) -> str:
        names = [LIVE] if self._wish.live else list(self._wish.scenes)
        return HEADLINE if HEADLINE in names else names[-1]

    def _so_far(self, after: Condition | None, *, complete: bool) -> Result:
        assert self._result is not None
        scenes = tuple(self._summary(name) for name in self._rounds)
        result = replace(
            self._result,
            complete=complete,
            scenes=scenes,
            headline=self._headline,
            after=after or self._result.before,
            marks=tuple(marks(self._result.before, after, scenes, complete=complete)),
        )
        if head := result.scene(self._headline):
            result = replace(result, stages=head.stages, end_to_end=head.end_to_end)
        return result

    def _summary(self, name: str) -> SceneResult:
        faces, found = self._shown.get(name, (None, None))
        return summarize(name, faces, self._rounds[name], found)


def _opener(scene: Scene) -> Callable[[], Source]:
    return lambda: SceneSource(scene)
