"""Faces and emotions in still pictures and clips, each picture on its own: nothing is tracked or smoothed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from edge.classify import Classifier
from edge.detect import load_detector
from edge.messages import Box, Face
from edge.model.package import model_path, open_model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge.config import Config


class FoundFace(Struct, frozen=True):
    """A face in a picture; score is the detector's, box is [x_min, y_min, x_max, y_max] in its pixels."""

    box: tuple[int, int, int, int]
    score: float
    emotion: str
    scores: dict[str, float]


class Prediction(Struct, frozen=True, omit_defaults=True):
    """What is in one picture; frame and time_s are there for a clip's pictures only."""

    image: str
    faces: tuple[FoundFace, ...]
    frame: int | None = None
    time_s: float | None = None


class Predictor:
    """The detector and the classifier of the settings, proved.

    flip: also classify the mirrored face and take the mean of both.
    whole: take each picture as one face that is already cropped.
    Raises ConfigError or ModelError.
    """

    def __init__(self, config: Config, *, flip: bool = False, whole: bool = False) -> None:
        model = open_model(model_path(config.classify.model), threads=config.classify.threads)
        self._classifier = Classifier(model)
        self._detector = None if whole else load_detector(config.detect)
        self._crop_px = model.manifest.crop.size_px
        self._flip = flip

    def predict(self, luma: NDArray[np.uint8]) -> tuple[FoundFace, ...]:
        """Faces from left to right. luma: uint8, shape (height, width), full range."""
        if self._detector is None:
            height, width = luma.shape
            return (self._describe(Face(Box(0, 0, width, height), 1.0), self._scores_of_crop(luma)),)
        faces = sorted(self._detector.detect(luma), key=lambda face: face.box.x_min)
        return tuple(self._describe(face, self._scores(luma, face.box)) for face in faces)

    def _scores(self, luma: NDArray[np.uint8], box: Box) -> NDArray[np.float32]:
        scores = self._classifier.classify(luma, box)
        return (scores + self._classifier.classify(luma, box, mirrored=True)) / 2 if self._flip else scores

    def _scores_of_crop(self, luma: NDArray[np.uint8]) -> NDArray[np.float32]:
        from edge.model.preprocess import resize_face

        crop = resize_face(luma, self._crop_px)
        scores = self._classifier.classify_crop(crop)
        return (scores + self._classifier.classify_crop(crop[:, ::-1])) / 2 if self._flip else scores

    def _describe(self, face: Face, scores: NDArray[np.float32]) -> FoundFace:
        labels = self._classifier.labels
        named = {label: round(float(score), 4) for label, score in zip(labels, scores, strict=True)}
        return FoundFace(face.box.as_pixels(), round(face.score, 4), labels[int(scores.argmax())], named)
