"""The whole story: capture, detect, track, classify, decide, publish.

Faces are tracked before they are classified, since how a crop is taken depends on its track: every other crop of
a track is mirrored, so that the smoothing averages both views at no extra inference.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from edge.errors import SinkError
from edge.messages import Reading
from edge.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from edge.classify import Classifier
    from edge.core import Core
    from edge.decide import Decider
    from edge.detect import Detector
    from edge.effort import Effort
    from edge.look import Look
    from edge.messages import Event, Frame, Phase, Track
    from edge.sinks import Sink
    from edge.track import Tracker

log = logging.getLogger("mien.pipeline")


class Parts(NamedTuple):
    """The stages between a source and the sinks, as the settings want them. State lives in track and decide."""

    detector: Detector
    tracker: Tracker
    classifier: Classifier
    decider: Decider
    look: Look
    effort: Effort


class Pipeline:
    """The stages at work. `parts` and `sinks` may be others from one frame to the next."""

    def __init__(self, parts: Parts, sinks: Sequence[Sink], core: Core) -> None:
        self.parts = parts
        self.sinks = sinks
        self._core = core
        self._turns = Turns()
        self._failing: set[int] = set()

    def process(self, frame: Frame) -> bool:
        """A frame from detection to publication; False if privacy was switched on meanwhile: nothing was said."""
        reading = self.read(frame)
        mark = self._core.stages.now()
        said = self._core.privacy.unless_on(lambda: self._hand_on(lambda sink: sink.publish(reading)))
        if said:
            self._core.stages.passed("publish", mark)
            self._core.counts.frames += 1
            self._core.counts.faces += sum(estimate.track.visible for estimate in reading.estimates)
            self._core.counts.events += len(reading.events)
        return said

    def read(self, frame: Frame) -> Reading:
        """What there is to say about a frame."""
        parts, stages = self.parts, self._core.stages
        tracks = self._find(frame)
        scores = self._classify(frame, tracks)
        mark = stages.now()
        estimates, events = parts.decider.decide(frame, tracks, scores, parts.effort.reduced)
        stages.passed("decide", mark)
        return Reading(frame, estimates, events)

    def tell_without_frames(self, phase: Phase, time_s: float, epoch_s: float) -> None:
        """What there is to say while no frames come: who was in view has left, and the state."""
        self.parts.tracker.forget()
        events = self.parts.decider.without_frames(phase, time_s, epoch_s)
        if events:
            self._core.counts.events += len(events)
            self.tell(events)

    def use(self, classifier: Classifier) -> None:
        """Classify with another model from now on."""
        self.parts.decider.relabel(classifier.labels)
        self.parts = self.parts._replace(classifier=classifier)

    def tell(self, events: Sequence[Event]) -> None:
        """Hand events to every sink."""
        self._hand_on(lambda sink: sink.tell(events))

    def _find(self, frame: Frame) -> list[Track]:
        parts, stages = self.parts, self._core.stages
        mark = stages.now()
        if not parts.look.is_due(frame, parts.effort.plan.detect_every, faces=parts.tracker.follows):
            tracks = parts.tracker.carry(frame.time_s)
            stages.passed("track", mark)
            return tracks
        self._core.counts.detections += 1
        faces = parts.detector.detect(frame.luma)
        mark = stages.passed("detect", mark)
        tracks = parts.tracker.update(frame.time_s, faces)
        stages.passed("track", mark)
        return tracks

    def _classify(self, frame: Frame, tracks: Sequence[Track]) -> dict[str, NDArray[np.float32]]:
        classifier, stages = self.parts.classifier, self._core.stages
        scores = {}
        for track, mirrored in self._turns.choose(tracks, self.parts.effort.plan.crops):
            mark = stages.now()
            crop = classifier.crop(frame.luma, track.face.box, mirrored=mirrored)
            mark = stages.passed("crop", mark)
            scores[track.id] = classifier.classify_crop(crop)
            stages.passed("classify", mark)
        self._core.counts.crops += len(scores)
        return scores

    def _hand_on(self, act: Callable[[Sink], None]) -> None:
        """To every sink; one that fails is logged once, tried again, and stops no other."""
        for sink in self.sinks:
            try:
                act(sink)
            except SinkError as error:
                self._count_failure(sink)
                if id(sink) not in self._failing:
                    self._failing.add(id(sink))
                    log.error("%s (going on without it, trying again)", error)  # noqa: TRY400
            except BrokenPipeError:
                raise  # the reader of standard output has gone: the run ends as any program in a pipe does
            except Exception:
                if id(sink) not in self._failing:
                    self._failing.add(id(sink))
                    log.exception("%s failed (going on without it, trying again)", name_of(sink))
                self._count_failure(sink)
            else:
                if self._failing and id(sink) in self._failing:
                    self._failing.remove(id(sink))
                    log.warning("%s publishes again", name_of(sink))

    def _count_failure(self, sink: Sink) -> None:
        failures, name = self._core.counts.sink_failures, name_of(sink)
        failures[name] = failures.get(name, 0) + 1


def name_of(sink: Sink) -> str:
    """As logs and metrics call it."""
    return str(getattr(sink, "name", type(sink).__name__))
