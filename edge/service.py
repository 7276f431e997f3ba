"""Builds the pipeline from the settings and keeps it running.

Everything is proved before the first frame; after it a lost camera is opened again rather than given up.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from typing import TYPE_CHECKING

from msgspec.structs import replace

from edge.classify import Classifier
from edge.core import new_core
from edge.decide import Decider
from edge.detect import load_detector
from edge.errors import SourceError
from edge.model.package import model_path, open_model
from edge.notify import Notifier
from edge.pipeline import Pipeline
from edge.sinks import open_sinks
from edge.sources import choose, open_source
from edge.track import Tracker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from edge.config import Config, SourceConfig
    from edge.messages import Frame
    from edge.sources import Source

log = logging.getLogger("mien.service")

REOPEN_FIRST_S, REOPEN_MAX_S = 1.0, 30.0


class Stop:
    """Asked for by a signal or by a number of frames reached."""

    def __init__(self, frames: int | None = None) -> None:
        self.asked = threading.Event()
        self._frames_left = frames

    def go_on(self, _frame: Frame) -> bool:
        """False after the last frame that is wanted."""
        if self._frames_left is not None:
            self._frames_left -= 1
            if self._frames_left <= 0:
                self.asked.set()
        return not self.asked.is_set()


def run(config: Config, *, frames: int | None = None) -> None:
    """Run until the source ends, `frames` are through or a signal asks to stop.

    Raises ConfigError, ModelError, SourceError or SinkError if something does not prove itself before the first
    frame.
    """
    model = open_model(model_path(config.classify.model), threads=config.classify.threads)
    classifier = Classifier(model)
    detector = load_detector(config.detect)
    # "auto" is settled once: a camera that is unplugged must not turn into the demo.
    chosen = replace(config.source, kind=choose(config.source))
    source = open_source(chosen)
    stop = Stop(frames)
    with contextlib.ExitStack() as stack:
        notifier = Notifier.from_environment()
        stack.callback(notifier.close)
        holder = Reopened(source, chosen, stop, notifier)
        stack.callback(holder.close)
        sinks = open_sinks(config, new_core(config))
        for sink in sinks:
            stack.callback(sink.close)
        decider = Decider(config.decide, model.labels, config.source.camera)
        pipeline = Pipeline(detector, Tracker(config.track), classifier, decider, sinks)
        log.info("%s, detector %s, model %s", source.name, config.detect.backend, model.manifest.name)

        def go_on(frame: Frame) -> bool:
            notifier.alive()
            return stop.go_on(frame)

        with stopped_by_signals(stop):
            notifier.ready(f"running, {source.name}")
            pipeline.run(holder, go_on)
            notifier.stopping()


class Reopened:
    """The frames of a source; a live one that is lost is opened again, later and later, until it is back."""

    def __init__(self, source: Source, config: SourceConfig, stop: Stop, notifier: Notifier | None = None) -> None:
        self._source = source
        self._config = config
        self._stop = stop
        self._notifier = notifier or Notifier()

    def __iter__(self) -> Iterator[Frame]:
        wait_s = REOPEN_FIRST_S
        while True:
            try:
                for frame in self._source:
                    wait_s = REOPEN_FIRST_S
                    yield frame
            except SourceError as error:
                if not self._source.live:
                    raise
                log.error("%s: trying again in %.0f s", error, wait_s)  # noqa: TRY400  (no bug of ours)
            else:
                return
            self._source.close()
            self._notifier.status(f"no source: waiting for {self._source.name}")
            while not self._open_again(wait_s):
                wait_s = min(2 * wait_s, REOPEN_MAX_S)
                if self._stop.asked.is_set():
                    return
            wait_s = min(2 * wait_s, REOPEN_MAX_S)  # a camera that opens and gives nothing is not hammered either

    def _open_again(self, after_s: float) -> bool:
        self._notifier.alive()  # a camera that is away is no reason to be restarted
        if self._stop.asked.wait(after_s):
            return False
        try:
            self._source = open_source(self._config)
        except SourceError as error:
            log.debug("%s", error)
            return False
        log.info("%s is open again", self._source.name)
        self._notifier.status(f"running, {self._source.name}")
        return True

    def close(self) -> None:
        self._source.close()


@contextlib.contextmanager
def stopped_by_signals(stop: Stop) -> Iterator[None]:
    """SIGTERM and SIGINT end the loop after the frame in hand; a second one ends the process at once."""

    def ask(number: int, _frame: FrameType | None) -> None:
        stop.asked.set()
        signal.signal(number, signal.SIG_DFL)

    if threading.current_thread() is not threading.main_thread():  # signals belong to the main thread
        yield
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
