"""From settings to parts: each proves itself here, before the first frame."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec.structs import replace

from edge.classify import Classifier
from edge.decide import Decider
from edge.detect import load_detector
from edge.effort import Effort
from edge.errors import ConfigError, SourceError
from edge.isolate import Isolated
from edge.look import Look
from edge.model.package import model_path, open_model
from edge.pipeline import Parts
from edge.sinks import open_sinks
from edge.sinks.jsonl import JsonlSink
from edge.sources import choose, open_source
from edge.track import Tracker

if TYPE_CHECKING:
    from edge.config import Config, ServiceConfig, SourceConfig
    from edge.core import Core
    from edge.sinks import Sink
    from edge.sources import Source

LIVE_KINDS = frozenset({"auto", "picamera", "v4l2", "stream"})
"""What may be away for a while."""


def build_parts(config: Config) -> Parts:
    """The stages. Raises ConfigError or ModelError."""
    classifier = build_classifier(config, config.classify.model)
    return Parts(
        load_detector(config.detect),
        Tracker(config.track),
        classifier,
        Decider(config.decide, classifier.labels, config.source.camera),
        Look(motion_gate=config.adapt.motion_gate),
        Effort(config.adapt),
    )


def build_classifier(config: Config, name: str) -> Classifier:
    """A bundled model's name or a file, proved. Raises ModelError."""
    return Classifier(open_model(model_path(name), threads=config.classify.threads))


def build_sinks(config: Config, core: Core, *, live: bool) -> list[Sink]:
    """The sinks. Raises SinkError. live: the loop must not wait for a sink; a file's events may not be lost."""
    sinks = open_sinks(config, core)
    return [Isolated(sink, core) if live and isinstance(sink, JsonlSink) else sink for sink in sinks]


class Opener:
    """Opens the source of the settings. Raises SourceError.

    `auto` is settled once: a camera that is unplugged must not turn into the demo.
    demo: whether `auto` may take the demo where there is no camera.
    """

    def __init__(self, config: SourceConfig, *, demo: bool) -> None:
        self._config = config
        self._demo = demo

    def __call__(self) -> Source:
        kind = choose(self._config)
        if self._config.kind == "auto" and kind == "demo" and not self._demo:
            raise SourceError('no camera found: plug one in (source.kind = "demo" shows the demo)')
        self._config = replace(self._config, kind=kind)
        return open_source(self._config)


def take_place(config: ServiceConfig) -> None:
    """Run where and as eagerly as the settings say. Raises ConfigError. Call before there are other threads."""
    if config.cores:
        try:
            os.sched_setaffinity(0, config.cores)
        except (OSError, ValueError) as error:
            there = sorted(os.sched_getaffinity(0))
            raise ConfigError(f"service.cores = {list(config.cores)}: this machine allows {there}") from error
    if config.nice:
        os.setpriority(os.PRIO_PROCESS, 0, max(config.nice, os.getpriority(os.PRIO_PROCESS, 0)))
