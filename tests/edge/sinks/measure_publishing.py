"""What publishing and viewers cost: processor time of one process, in short pieces, nothing published between them.

    python tests/edge/sinks/measure_publishing.py [SECONDS [PIECE_S]]

The demo's face plays at 15 frames a second. A piece with nothing published, one with everything (JSON lines to a
file, the page, MQTT to a real Mosquitto, the history), one with eight viewers besides, one with two hundred idle
or slow connections as well; then again, in another order, until each has had SECONDS (60), so that whatever else
the machine does meets all four. Each sees the same frames. Opening and closing are not counted, but for what the
history writes then: it is shared out over a minute, its usual batch.

A machine with other work takes longer than 4 s for a piece, and what is done by the clock (the server's ticks) then
counts several times. So each piece ends with two seconds without frames: what those cost a second is taken off for
the piece's real time and added for its nominal one.

"Process" is that, all threads, against the pieces with nothing published. "Apart" is what the sinks' threads cost
and what the loop's thread spends on handing over, against the rest of the loop's thread in the same pieces; it
depends least on what else the machine does. "Loop" is the loop's thread alone.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from cores import fresh_core
from mosquitto import Mosquitto, mosquitto
from msgspec import Struct
from msgspec.structs import replace
from watchers import viewer
from websockets.exceptions import InvalidStatus

from edge.build import build_parts, build_sinks
from edge.config import AdaptConfig, Config, HistoryConfig, JsonlConfig, MqttConfig, SourceConfig, WebConfig
from edge.core import Core
from edge.messages import Frame, Phase
from edge.pipeline import Pipeline
from edge.sinks import Sink
from edge.sinks.history import HistorySink
from edge.sinks.web import WebSink
from edge.sources import demo
from edge.stages import Stages

SECONDS, PIECE_S = 60.0, 4.0
IDLE_S = 2.0
FPS = 15.0
CASES = {"nothing": None, "everything": (0, 0), "8 viewers": (8, 0), "8 viewers, 200 idle": (8, 200)}
"""By name: viewers and idlers, where anything is published."""
OTHERS = Path(__file__).with_name("watchers.py")


class Piece(Struct):
    """Processor time, in seconds, of so many frames, played at their rate.

    late_s: how long after its time a frame came out at most. idle: processor time a second without frames.
    """

    frames: int
    process_s: float
    loop_s: float
    publish_s: float
    late_s: float
    threads_s: dict[str, float]
    idle: float
    pictures: int = 0

    @property
    def apart(self) -> float:
        """The share that publishing adds to the rest of this very piece."""
        rest_s = self.loop_s - self.publish_s
        return (self.process_s - rest_s) / rest_s


def everything(folder: Path, broker: Mosquitto) -> Config:
    return Config(
        source=SourceConfig(kind="demo", fps=FPS),
        adapt=AdaptConfig(max_load=0, hot_celsius=0),  # the work is to be the same, however busy the machine is
        jsonl=JsonlConfig(stdout=False, file=str(folder / "events.jsonl")),
        web=WebConfig(port=0),
        mqtt=MqttConfig(enabled=True, port=broker.port),
        history=HistoryConfig(enabled=True, file=str(folder / "history.db")),
    )


def pictures(config: Config, seconds: float) -> list[np.ndarray]:
    """So long of the script, from when the face is there; it never leaves."""
    scene, first = demo.Scene(config.source), round(1.6 * FPS)
    shown = [scene.render(first + number) for number in range(round(4.4 * FPS))]
    there_and_back = [*shown, *shown[-2:0:-1]]
    return [there_and_back[number % len(there_and_back)] for number in range(round(seconds * FPS))]


@contextlib.contextmanager
def watched(sinks: Sequence[Sink], viewers: int, idlers: int) -> Iterator[WebSink | None]:
    """Others look at the page of these sinks, if there is one."""
    page = next((sink for sink in sinks if isinstance(sink, WebSink)), None)
    if page is None or not viewers + idlers:
        yield page
        return
    words = [sys.executable, str(OTHERS), str(page.port), str(viewers), str(idlers)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as others:
        try:
            assert others.stdout is not None
            assert others.stdout.readline() == b"ready\n"
            yield page
        finally:
            others.kill()


class Bench:
    """A pipeline that plays the same pictures again and again, on a clock that goes on."""

    def __init__(self, folder: Path, config: Config, piece_s: float) -> None:
        self.config = config
        self.core: Core = replace(fresh_core(folder), stages=Stages(time.thread_time))
        self.core.state.enter(Phase.RUNNING)
        self._pipeline = Pipeline(build_parts(config), [], self.core)
        self._pictures = pictures(config, piece_s)
        self._sequence = 0

    def play(self, sinks: Sequence[Sink]) -> Piece:
        """Every picture at its time. What a frame cost is known once the next one begins."""
        self._pipeline.sinks = sinks
        published_s = self._published_s()
        process_s, loop_s, threads_s = time.process_time(), time.thread_time(), by_thread()
        began_s, late_s, never = time.monotonic(), 0.0, threading.Event()
        for number, luma in enumerate(self._pictures):
            due_s = began_s + number / FPS
            never.wait(max(0.0, due_s - time.monotonic()))
            self._pipeline.process(Frame(luma, due_s, time.time(), self._sequence))
            self._sequence += 1
            late_s = max(late_s, time.monotonic() - due_s)
        never.wait(max(0.0, began_s + len(self._pictures) / FPS - time.monotonic()))
        spent = (time.process_time() - process_s, time.thread_time() - loop_s, self._published_s() - published_s)
        wall_s = time.monotonic() - began_s
        others_s = {name: passed_s - threads_s.get(name, 0.0) for name, passed_s in by_thread().items()}
        idle = self._idle()
        whole_s = spent[0] - idle * (wall_s - len(self._pictures) / FPS)
        return Piece(len(self._pictures), whole_s, *spent[1:], late_s, others_s, idle)

    @staticmethod
    def _idle() -> float:
        """Processor time a second while nothing is published."""
        process_s, began_s = time.process_time(), time.monotonic()
        time.sleep(IDLE_S)
        return (time.process_time() - process_s) / (time.monotonic() - began_s)

    def _published_s(self) -> float:
        return self.core.stages.totals()["publish"].sum_s

    def piece(self, case: tuple[int, int] | None) -> Piece:
        """One piece of a case, opened and closed around what is counted."""
        sinks = build_sinks(self.config, self.core, live=True) if case is not None else []
        try:
            with watched(sinks, *(case or (0, 0))) as page:
                before = page._hub.encoded if page else 0
                piece = self.play(sinks)
                if page and case and case[0]:
                    piece.pictures = page._hub.encoded - before
                    refused(page)
        finally:
            closing_s = {type(sink): closed_s(sink) for sink in sinks}
        if case is not None:
            piece.process_s += closing_s[HistorySink] * piece.frames / (60 * FPS)
        return piece


def by_thread() -> dict[str, float]:
    """Processor time of each thread but this one, by the first word of its name."""
    found: dict[str, float] = {}
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread.ident is not None:
            name = thread.name.split()[0].partition("-")[0]
            found[name] = found.get(name, 0.0) + time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
    return found


def closed_s(sink: Sink) -> float:
    """What closing it costs."""
    began_s = time.process_time()
    sink.close()
    return time.process_time() - began_s


def refused(page: WebSink) -> None:
    """One viewer more is told to wait."""
    with pytest.raises(InvalidStatus, match="503"), viewer(page.port):
        pass


def report(pieces: dict[str, list[Piece]]) -> None:
    def each_ms(found: list[Piece], name: str) -> float:
        return 1e3 * sum(getattr(piece, name) for piece in found) / sum(piece.frames for piece in found)

    nothing = pieces["nothing"]
    for case, found in pieces.items():
        process = [a.process_s / b.process_s - 1 for a, b in zip(found, nothing, strict=True)]
        loop = [a.loop_s / b.loop_s - 1 for a, b in zip(found, nothing, strict=True)]
        low, middle, high = (100 * np.quantile(process, share) for share in (0.25, 0.5, 0.75))
        words = (
            f"{each_ms(found, 'process_s'):.3f} ms a frame",
            f"process {middle:+.1f} % (quartiles {low:+.1f} {high:+.1f})",
            f"loop {100 * np.median(loop):+.1f} %",
            f"apart {100 * np.mean([piece.apart for piece in found]):+.2f} %",
            f"{each_ms(found, 'publish_s'):.3f} ms to hand over",
            f"{1e3 * np.mean([piece.idle for piece in found]):.2f} ms a second idle",
            f"late {np.median([piece.late_s for piece in found]):.2f} s",
            f"{sum(piece.pictures for piece in found)} pictures in {sum(piece.frames for piece in found)} frames",
        )
        names = sorted({name for piece in found for name in piece.threads_s})
        sums_s = {name: sum(piece.threads_s.get(name, 0.0) for piece in found) for name in names}
        each = [f"{name} {1e3 * passed_s / sum(p.frames for p in found):.3f}" for name, passed_s in sums_s.items()]
        sys.stdout.write(f"{case}: {', '.join(words)}; threads, ms a frame: {', '.join(each) or 'none'}\n")


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    piece_s = float(sys.argv[2]) if len(sys.argv) > 2 else PIECE_S
    cv2.setNumThreads(1)
    found: dict[str, list[Piece]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name, mosquitto(Path(name)) as broker:
        bench = Bench(Path(name), everything(Path(name), broker), piece_s)
        for case in CASES.values():
            bench.piece(case)  # whatever is done once only
        for turn in range(round(seconds / piece_s)):
            names = list(CASES)
            for case_name in names if turn % 2 else reversed(names):
                found[case_name].append(bench.piece(CASES[case_name]))
    report({name: found[name] for name in CASES})


if __name__ == "__main__":
    main()
