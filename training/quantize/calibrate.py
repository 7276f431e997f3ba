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
from training.distil import HEAD_OF
from training.predictor import Predictor, load_keras
from training.quantize.layers import FakeQuantize
from training.quantize.tune import SAVED_MODEL, export, scale_head
from training.run import MODEL, save_model
from training.splits import Part
from training.temperature import fit_temperature


class Agreement(Struct, frozen=True):
    """Of two models on the same faces. n: faces. different: those with another answer."""

    n: int
    different: int


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


def agreement(first: Predictor, second: Predictor, part: Part) -> Agreement:
    """How often two models answer differently."""
    answers = [predictor.scores(part.pixels).argmax(axis=1) for predictor in (first, second)]
    return Agreement(len(part), int((answers[0] != answers[1]).sum()))
