"""The whole story: capture, detect, track, classify, decide, publish.

Faces are tracked before they are classified, since how a crop is taken depends on its track: every other crop of
a track is mirrored, so that the smoothing averages both views at no extra inference.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from edge.errors import SinkError
from edge.messages import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from edge.classify import Classifier
    from edge.decide import Decider
    from edge.detect import Detector
    from edge.messages import Frame
    from edge.sinks import Sink
    from edge.track import Tracker

log = logging.getLogger("mien.pipeline")


class Pipeline:
    """The stages between a source and the sinks. State lives in the tracker and the decider alone."""

    def __init__(
        self,
        detector: Detector,
        tracker: Tracker,
        classifier: Classifier,
        decider: Decider,
        sinks: Sequence[Sink],
    ) -> None:
        self._detector = detector
        self._tracker = tracker
        self._classifier = classifier
        self._decider = decider
        self._sinks = sinks
        self.sink_failures = dict.fromkeys(map(id, sinks), 0)

    def run(self, frames: Iterable[Frame], go_on: Callable[[Frame], bool]) -> None:
        """Every frame from capture to publication, until the source ends or `go_on` says no."""
        for frame in frames:
            self.publish(self.read(frame))
            if not go_on(frame):
                return

    def read(self, frame: Frame) -> Reading:
        """What there is to say about a frame."""
        faces = self._detector.detect(frame.luma)
        tracks = self._tracker.update(frame.time_s, faces)
        scores = {
            track.id: self._classifier.classify(frame.luma, track.face.box, mirrored=track.hits % 2 == 0)
            for track in tracks
            if track.visible
        }
        estimates, events = self._decider.decide(frame, tracks, scores)
        return Reading(frame, estimates, events)

    def publish(self, reading: Reading) -> None:
        """Hand a reading to every sink; one that fails is logged once, tried again, and stops no other."""
        for sink in self._sinks:
            try:
                sink.publish(reading)
            except SinkError as error:
                self.sink_failures[id(sink)] += 1
                if self.sink_failures[id(sink)] == 1:
                    log.error("%s (going on without it, trying again)", error)  # noqa: TRY400
            else:
                if self.sink_failures[id(sink)]:
                    log.warning("%s publishes again", type(sink).__name__)
                    self.sink_failures[id(sink)] = 0
