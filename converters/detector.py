"""A face detector as one file that proves itself: golden cases, crop and origin appended to the flatbuffer."""

from __future__ import annotations

import hashlib

import msgspec

from converters.audit import audit
from converters.candidate import Candidate
from converters.errors import ConversionError
from converters.flatbuffer import read_graph
from converters.package import Facts, golden_inputs, tool_versions
from edge.config import DetectConfig
from edge.detect.luma import checked
from edge.model.package import (
    DETECTOR_LABELS,
    GOLDEN,
    LABELS,
    MANIFEST,
    Manifest,
    describe_tensor,
    golden_case,
    pack,
    write_golden,
)
from edge.model.preprocess import CropContract

GOLDEN_SIDE_PX = 96


def build_detector_package(candidate: Candidate, facts: Facts) -> bytes:
    """The bytes of a detector's file; the same parts give the same bytes.

    Raises ConversionError or ModelError, naming what keeps it from being one: it is whole in int8, takes luma of
    any size and answers as edge/detect/grid.py reads it.
    """
    report = audit(read_graph(candidate.content, str(candidate.path)))
    if report.problems:
        raise ConversionError(f"{candidate.path}: not whole in int8: {report.problems[0]}")
    entry = describe_tensor(candidate.interpreter.input)
    output = describe_tensor(candidate.interpreter.outputs[0])
    checked(candidate.interpreter, DetectConfig(), candidate.path)
    golden, runtime, version = golden_case(candidate.content, golden_inputs(GOLDEN_SIDE_PX))
    if (golden.outputs == golden.outputs[0]).all():
        raise ConversionError(f"{candidate.path}: it answers every picture alike: its quantization has collapsed")
    manifest = Manifest(
        name=facts.name,
        version=facts.version,
        description=facts.description,
        licence=facts.licence,
        origin=facts.origin,
        sha256=hashlib.sha256(candidate.content).hexdigest(),
        input=entry,
        output=output,
        activation="cells",
        crop=CropContract(scale=facts.crop_scale, offset_x=facts.crop_offset_x, offset_y=facts.crop_offset_y),
        parameters=report.parameters,
        runtime=runtime,
        runtime_version=version,
        tools=tool_versions(),
        metrics=facts.metrics,
    )
    files = {
        LABELS: "".join(f"{label}\n" for label in DETECTOR_LABELS).encode(),
        MANIFEST: msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=2) + b"\n",
        GOLDEN: write_golden(golden),
    }
    return pack(candidate.content, files)
