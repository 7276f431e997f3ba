"""What Prometheus reads at /metrics, by its naming rules: base units, `_total`, no label that could grow.

Nothing is counted here: the loop and the sinks count, and this looks when it is asked. docs/METRICS.md lists all.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec.structs import asdict
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from edge import __version__
from edge.board import CONDITIONS
from edge.messages import Phase
from edge.stages import BOUNDS_S, LATENCY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from edge.core import Core
    from edge.sinks.web.device import Vitals
    from edge.sinks.web.hub import Hub
    from edge.stages import Totals

UNDECIDED = "undecided"
BUCKETS = (*map(str, BOUNDS_S), "+Inf")


class Metrics:
    """Writes them in the form that the asker prefers: (content, its media type)."""

    def __init__(self, core: Core, hub: Hub, vitals: Vitals) -> None:
        self._vitals = vitals
        self._registry = CollectorRegistry()
        self._registry.register(Mien(core, hub, vitals))
        ProcessCollector(registry=self._registry)

    def write(self, accept: str) -> tuple[bytes, str]:
        self._vitals.look()
        encode, media = choose_encoder(accept)
        return encode(self._registry), media


class Mien(Collector):
    """Everything of ours."""

    def __init__(self, core: Core, hub: Hub, vitals: Vitals) -> None:
        self._core, self._hub, self._vitals = core, hub, vitals

    def describe(self) -> list[Metric]:
        return []  # else the registry would collect once to learn the names

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("mien_build", "The version that runs", {"version": __version__})
        yield InfoMetricFamily("mien_model", "The emotion model that is used", asdict(self._core.model))
        yield from self._frames()
        yield from self._faces()
        yield from self._state()
        yield from self._times()
        yield from self._board()
        yield from self._queues()
        yield from self._page()

    def _frames(self) -> Iterator[Metric]:
        counts = self._core.counts
        yield CounterMetricFamily("mien_frames", "Frames that went through the loop", counts.frames)
        yield CounterMetricFamily("mien_frames_dropped", "Frames that came and were too late", counts.dropped)
        yield GaugeMetricFamily("mien_frames_per_second", "Over the last frames", self._hub.health().frames_per_s)
        yield CounterMetricFamily("mien_detections", "Frames in which faces were looked for", counts.detections)
        yield CounterMetricFamily("mien_crops", "Faces that were classified, frame by frame", counts.crops)
        yield CounterMetricFamily("mien_source_lost", "How often the camera was lost", counts.lost)
        yield CounterMetricFamily("mien_source_reopened", "How often it was opened again", counts.reopened)
        if counts.starts:
            yield CounterMetricFamily("mien_restarts", "Starts of the service after its first", counts.starts - 1)
        yield CounterMetricFamily("mien_reloads", "Settings that were taken over while running", counts.reloads)
        failures = CounterMetricFamily("mien_sink_failures", "Readings that a sink did not take", labels=["sink"])
        for sink, number in dict(counts.sink_failures).items():
            failures.add_metric([sink], number)
        yield failures

    def _faces(self) -> Iterator[Metric]:
        yield CounterMetricFamily("mien_faces_seen", "Faces that came into view", self._hub.told["face_appeared"])
        faces = GaugeMetricFamily("mien_faces", "Faces in view, by the decided emotion", labels=["emotion"])
        for emotion, number in self._by_emotion().items():
            faces.add_metric([emotion], number)
        yield faces
        events = CounterMetricFamily("mien_events", "Events, by their type", labels=["type"])
        for kind, number in self._hub.told.items():
            events.add_metric([kind], number)
        yield events

    def _by_emotion(self) -> dict[str, int]:
        # Every word that was ever there stays, as 0: a series that comes and goes cannot be averaged.
        moment = self._hub.latest()
        found = Counter(estimate.emotion or UNDECIDED for estimate in moment.reading.estimates) if moment else {}
        words = {UNDECIDED, *self._hub.emotions, *found}
        self._hub.emotions |= words
        return {emotion: found.get(emotion, 0) for emotion in sorted(words)}

    def _state(self) -> Iterator[Metric]:
        now = self._core.state.status
        phase = GaugeMetricFamily("mien_phase", "1 for the phase that the loop is in", labels=["phase"])
        entered = CounterMetricFamily("mien_phases_entered", "How often each was entered", labels=["phase"])
        for word in Phase:
            phase.add_metric([word.value], int(now.phase == word))
            entered.add_metric([word.value], self._core.state.entered[word])
        yield phase
        yield entered
        yield GaugeMetricFamily("mien_privacy_on", "1 while the privacy switch is on", int(self._core.privacy.on))
        yield GaugeMetricFamily("mien_reduced", "What is done more rarely for want of time", len(now.reduced))

    def _times(self) -> Iterator[Metric]:
        totals = self._core.stages.totals()
        stages = HistogramMetricFamily(
            "mien_stage_duration_seconds", "How long each stage of the loop takes", labels=["stage"]
        )
        for stage, total in totals.items():
            if stage != LATENCY:
                stages.add_metric([stage], buckets(total), total.sum_s)
        yield stages
        latency = totals[LATENCY]
        yield HistogramMetricFamily(
            "mien_latency_seconds",
            "From the sensor's time stamp to the end of publication, of live cameras",
            buckets(latency),
            latency.sum_s,
        )

    def _board(self) -> Iterator[Metric]:
        if self._vitals.celsius is not None:
            yield GaugeMetricFamily("mien_temperature_celsius", "Of the processor", self._vitals.celsius)
        if self._vitals.throttled is not None:
            throttled = GaugeMetricFamily("mien_throttled", "1 while the condition holds", labels=["condition"])
            for condition in CONDITIONS:
                throttled.add_metric([condition], int(condition in self._vitals.throttled))
            yield throttled

    def _queues(self) -> Iterator[Metric]:
        length = GaugeMetricFamily("mien_queue_length", "What waits to be sent or written", labels=["queue"])
        capacity = GaugeMetricFamily("mien_queue_capacity", "What may wait at most", labels=["queue"])
        dropped = CounterMetricFamily("mien_queue_dropped", "What gave way to newer ones", labels=["queue"])
        for name, look in self._core.queues.items():
            waiting = look()
            length.add_metric([name], waiting.length)
            capacity.add_metric([name], waiting.capacity)
            dropped.add_metric([name], waiting.dropped)
        yield from (length, capacity, dropped)

    def _page(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("mien_web_viewers", "Who watches just now", self._hub.watchers)
        yield GaugeMetricFamily("mien_web_viewers_max", "How many may", self._hub.max_watchers)
        yield CounterMetricFamily("mien_web_pictures", "Pictures that were encoded", self._hub.encoded)


def buckets(totals: Totals) -> list[tuple[str, float]]:
    return list(zip(BUCKETS, map(float, totals.buckets), strict=True))
