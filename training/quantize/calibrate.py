"""Scores of an int8 file made true: its own logits choose the temperature, its float source is scaled by it.

The last kernel, its bias and the range of the logits shrink together, so the integers of the next conversion are
the same ones: only the scale of the output changes, and with it the scores, but no answer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct

from edge.errors import ConfigError
from training.dataset import Faces
from training.distil import HEAD_OF
from training.evaluate import VALIDATION, rows_of_split, sample_of
from training.metrics import measure
from training.predictor import Predictor, load_keras
from training.quantize.layers import FakeQuantize
from training.quantize.tune import SAVED_MODEL, export, scale_head
from training.run import MODEL, save_model
from training.splits import Part
from training.temperature import fit_temperature


class Agreement(Struct, frozen=True):
    """Of two models on the validation tenth.

    n: faces. different: those with another answer. labelled: those of which it is known what is right.
    calibration_errors: of the first model and the second on these, 0..1. calibration_floor: what chance alone gives
    the second.
    """

    n: int
    different: int
    labelled: int
    calibration_errors: tuple[float, float]
    calibration_floor: float

    @property
    def truer(self) -> bool:
        """Whether the second model's scores are."""
        before, after = self.calibration_errors
        return after < before


def temperature_of(int8: Predictor, part: Part) -> float:
    """The temperature that makes a model's scores true for faces with a majority."""
    # The log of a score is its logit less a constant of the face, which no temperature sees.
    logits = np.log(np.maximum(int8.scores(part.pixels), np.float32(1e-12)))
    return fit_temperature(logits, part.targets[HEAD_OF[int8.labels]])


def recalibrate(model: Path, int8: Predictor, part: Part, out: Path) -> float:
    """Write `model` with its logits divided by the temperature that the int8 file made of it wants; gives that.

    A model with fake quantization is exported anew, too. Raises ConfigError if the two have other labels,
    ModelError if there are no logits to scale, SinkError if nothing can be written.
    """
    source: Any = load_keras(model)
    if source.output_shape[-1] != len(int8.labels):
        raise ConfigError(
            f"{model}: has {source.output_shape[-1]} outputs, the int8 file {len(int8.labels)} labels"
        )
    temperature = temperature_of(int8, part)
    scale_head(source, 1 / temperature)
    save_model(source, out / MODEL)
    if any(isinstance(layer, FakeQuantize) for layer in source.layers):
        export(source, out / SAVED_MODEL)
    return temperature


def agreement(first: Predictor, second: Predictor, faces: Faces) -> Agreement:
    """Whether two models of the same labels answer alike, and how true the scores of each are.

    Raises ConfigError if they have other labels, SourceError if no face validates.
    """
    if first.labels != second.labels:
        raise ConfigError(f"the two models have other labels: {len(first.labels)} and {len(second.labels)}")
    pixels = faces.pixels[rows_of_split(faces, VALIDATION)]
    answers = [predictor.scores(pixels).argmax(axis=1) for predictor in (first, second)]
    sample = sample_of(first.labels, faces, VALIDATION)
    scores = [predictor.scores(sample.faces.pixels) for predictor in (first, second)]
    before, after = (measure(found, sample.truth, first.labels) for found in scores)
    errors = before.calibration_error, after.calibration_error
    different = int((answers[0] != answers[1]).sum())
    return Agreement(len(pixels), different, after.n, errors, after.calibration_floor)
