"""Right answers, counted behind the very loop that is timed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from edge.bench.measure import fresh, run_loop
from edge.bench.pictures import read_pictures
from edge.bench.record import Recorder, timing
from edge.bench.result import Accuracy
from edge.classify import Classifier
from edge.core import Core
from edge.messages import Box, Face, Frame
from edge.model.package import model_path, open_model
from edge.model.preprocess import resize_face
from edge.privacy import Privacy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from edge.bench.pictures import Picture, Pictures
    from edge.config import Config
    from edge.messages import Event, Reading
    from edge.pipeline import Parts
    from edge.track import Tracker

FAR_S = 60.0
"""Between two pictures: no state and no smoothing reaches from one to the next."""


class Shown:
    """The pictures as a source. progress: called with how many were shown since."""

    name, live, dropped = "pictures", False, 0

    def __init__(self, pictures: Sequence[Picture], progress: Callable[[float], None]) -> None:
        self._pictures = pictures
        self._progress = progress

    def __iter__(self) -> Iterator[Frame]:
        for number, picture in enumerate(self._pictures):
            yield Frame(picture.read(), FAR_S * number, FAR_S * number, number)
            self._progress(1)

    def close(self) -> bool:
        return True


class Answers:
    """A sink that keeps the best face's first label of each picture, None where no face was found."""

    def __init__(self, tracker: Tracker) -> None:
        self.said: list[str | None] = []
        self._tracker = tracker

    def publish(self, reading: Reading) -> None:
        self._tracker.forget()  # the next picture shows somebody else
        best = max(reading.estimates, key=lambda estimate: estimate.track.face.score, default=None)
        self.said.append(
            max(best.scores, key=best.scores.__getitem__) if best is not None and best.scores else None
        )

    def tell(self, events: Sequence[Event]) -> None:
        """Not an answer to a picture."""

    def close(self) -> None:
        """Nothing is held."""


class WholePicture:
    """A detector that takes every picture for a face."""

    def detect(self, luma: NDArray[np.uint8]) -> list[Face]:
        height, width = luma.shape
        return [Face(Box(0, 0, width, height), 1.0)]


class Cropped(Classifier):
    """A classifier whose pictures are crops already."""

    def crop(self, luma: NDArray[np.uint8], _box: Box, *, mirrored: bool = False) -> NDArray[np.uint8]:
        return resize_face(luma, self._model.manifest.crop.size_px, mirrored=mirrored)


def measure_accuracy(
    parts: Parts,
    config: Config,
    data: Path,
    split: str = "",
    *,
    whole: bool = False,
    begin: Callable[[int], Callable[[float], None]] = lambda _n: lambda _step: None,
) -> Accuracy:
    """How many answers are right. whole: the pictures are crops, as an npz file's are.

    begin: told how many pictures there are, gives what is told of each. Raises SourceError, ModelError.
    """
    given = read_pictures(data, split, parts.classifier.labels)
    config = replace(
        config,
        track=replace(config.track, min_hits=1),
        adapt=replace(config.adapt, crops_per_frame=100),
    )
    if whole or given.cropped:
        model = open_model(model_path(config.classify.model), threads=config.classify.threads)
        parts = parts._replace(detector=WholePicture(), classifier=Cropped(model))
    parts = fresh(parts, config)
    answers, recorder = Answers(parts.tracker), Recorder()
    with tempfile.TemporaryDirectory() as folder:
        core = Core(Privacy(Path(folder) / "privacy.json"), stages=recorder)
        progress = begin(len(given.pictures))
        run_loop(core, parts, lambda: Shown(given.pictures, progress), extra=(answers,), config=config)
    return _score(given, answers.said, data.name, split, recorder, whole=whole or given.cropped)


def _score(
    given: Pictures, said: Sequence[str | None], data: str, split: str, recorder: Recorder, *, whole: bool
) -> Accuracy:
    truth = [picture.truth for picture in given.pictures]
    right = [answer == label for answer, label in zip(said, truth, strict=True)]
    found = sum(answer is not None for answer in said)
    recalls = {}
    for label in sorted(set(truth)):
        hits = [hit for hit, shown in zip(right, truth, strict=True) if shown == label]
        recalls[label] = round(sum(hits) / len(hits), 4)
    return Accuracy(
        data=data,
        split=split,
        rule=given.rule,
        whole=whole,
        n=len(truth),
        found=found,
        accuracy=round(sum(right) / len(truth), 4),
        accuracy_of_found=round(sum(right) / max(found, 1), 4),
        mean_recall=round(sum(recalls.values()) / len(recalls), 4),
        recalls=recalls,
        stages={name: timing(taken) for name, taken in recorder.times.items() if taken},
    )
