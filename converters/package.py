"""A classifier as one file that proves itself: checked, its metadata written, then sealed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from converters.audit import audit
from converters.candidate import Candidate, as_scores
from converters.errors import ConversionError, DataError
from converters.flatbuffer import read_graph
from converters.metadata import Description, with_metadata
from converters.seal import Facts, golden_inputs, seal
from edge.model.labels import FER2013, FERPLUS, check_labels
from edge.model.package import LABELS, describe_tensor

KNOWN_LABELS = {"fer2013": FER2013, "ferplus": FERPLUS}


def build_package(candidate: Candidate, labels: tuple[str, ...], facts: Facts, *, second_best: bool) -> bytes:
    """The bytes of a model file; the same parts give the same bytes.

    second_best: allow float inside. Raises ConversionError or ModelError, naming what keeps it from being one.
    """
    parameters = check_classifier(candidate, labels, second_best=second_best)
    side = candidate.shape[0]
    inputs = golden_inputs(side)
    activation = facts.activation or _activation(candidate, inputs)
    takes_bytes = describe_tensor(candidate.interpreter.input).dtype == "uint8"
    return seal(
        candidate,
        facts,
        labels,
        inputs if takes_bytes else inputs.astype(np.float32) / np.float32(255),
        activation=activation,
        size_px=side,
        parameters=parameters,
        flatbuffer=_described(candidate, facts, activation),
    )


def check_classifier(candidate: Candidate, labels: tuple[str, ...], *, second_best: bool) -> int:
    """Its number of parameters. Raises ConversionError or ModelError unless it sorts square luma by the labels."""
    where = str(candidate.path)
    report = audit(read_graph(candidate.content, where))
    if report.problems and not second_best:
        hint = "--second-best packages it as it is"
        raise ConversionError(f"{where}: not whole in int8: {report.problems[0]} ({hint})")
    height, width, channels = candidate.shape
    if height != width or channels != 1:
        raise ConversionError(
            f"{where}: input {width}x{height} with {channels} channels: a square of luma is expected"
        )
    outputs = candidate.interpreter.outputs
    if len(outputs) != 1:
        raise ConversionError(f"{where}: {len(outputs)} outputs: a classifier has one")
    shape = describe_tensor(outputs[0]).shape
    check_labels(labels, shape[-1] if len(shape) == 2 else 0, where)
    return report.parameters


def parse_labels(text: str) -> tuple[str, ...]:
    """Those of "fer2013" or "ferplus", of a file with one a line, or words with commas. Raises DataError."""
    if text in KNOWN_LABELS:
        return KNOWN_LABELS[text]
    if "," in text:
        return tuple(word.strip() for word in text.split(","))
    try:
        lines = Path(text).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"--labels {text}: neither {', '.join(KNOWN_LABELS)}, words with commas nor a text file of labels"
        ) from error
    return tuple(line.strip() for line in lines if line.strip())


def read_metrics(arguments: Sequence[str]) -> dict[str, Any]:
    """What evaluations wrote: "NAME=FILE" keeps a file's object under a name, "FILE" takes its keys as they are.

    Raises DataError unless each is a JSON object and no key comes twice.
    """
    merged: dict[str, Any] = {}
    for argument in arguments:
        name, equals, file = argument.rpartition("=")
        found = _read_object(Path(file))
        for key, value in ({name: found} if equals else found).items():
            if key in merged:
                raise DataError(f"--metrics {argument}: {key!r} is given twice")
            merged[key] = value
    return merged


def _read_object(path: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise DataError(f"{path}: no JSON object of metrics: {error}") from error


def _described(candidate: Candidate, facts: Facts, activation: str) -> bytes:
    height, width, _ = candidate.shape
    about = Description(
        name=facts.name,
        version=facts.version,
        description=facts.description,
        author=facts.origin,
        licence=facts.licence,
        size=(width, height),
        takes_bytes=np.dtype(candidate.interpreter.input["dtype"]) == np.uint8,
        activation=activation,
        labels_file=LABELS,
    )
    return with_metadata(candidate.content, about)


def _activation(candidate: Candidate, inputs: NDArray[np.uint8]) -> Literal["logits", "scores"]:
    """Told from what comes out: scores are what as_scores leaves alone."""
    values = candidate.predict(inputs)[0]
    return "scores" if np.abs(as_scores(values, None) - values).max() < 0.05 else "logits"
