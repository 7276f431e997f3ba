"""A face detector as one file that proves itself: golden cases, crop and origin appended to the flatbuffer."""

from __future__ import annotations

from converters.audit import audit
from converters.candidate import Candidate
from converters.errors import ConversionError
from converters.flatbuffer import read_graph
from converters.seal import Facts, golden_inputs, seal
from edge.config import DetectConfig
from edge.detect.luma import checked
from edge.model.interpreter import Interpreter
from edge.model.package import DETECTOR_LABELS
from edge.model.preprocess import FER_CROP

GOLDEN_SIDE_PX = 96


def build_detector_package(candidate: Candidate, facts: Facts) -> bytes:
    """The bytes of a detector's file; the same parts give the same bytes.

    Raises ConversionError or ModelError, naming what keeps it from being one: it is whole in int8, takes luma of
    any size and answers as edge/detect/grid.py reads it.
    """
    report = audit(read_graph(candidate.content, str(candidate.path)))
    if report.problems:
        raise ConversionError(f"{candidate.path}: not whole in int8: {report.problems[0]}")
    # One of its own, since the check changes the size of its tensors.
    checked(Interpreter(candidate.content), DetectConfig(), candidate.path)
    return seal(
        candidate,
        facts,
        DETECTOR_LABELS,
        golden_inputs(GOLDEN_SIDE_PX),
        activation="cells",
        size_px=FER_CROP.size_px,
        parameters=report.parameters,
    )
