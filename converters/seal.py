"""What turns a flatbuffer into a file that says what it is and proves it: golden cases, manifest and labels."""

from __future__ import annotations

import hashlib
import importlib.metadata
from typing import Any, Literal

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from converters.candidate import Candidate
from converters.errors import ConversionError
from edge.model.package import (
    GOLDEN,
    LABELS,
    MANIFEST,
    Manifest,
    describe_tensor,
    golden_case,
    pack,
    write_golden,
)
from edge.model.preprocess import FER_CROP, CropContract

GOLDEN_SEED = 2013
TOOLS = ("mien", "tensorflow", "keras")


class Facts(Struct, frozen=True, kw_only=True):
    """What the flatbuffer cannot say of itself."""

    name: str
    version: str
    description: str
    licence: str
    origin: str
    activation: Literal["logits", "scores"] | None = None
    crop_scale: float = FER_CROP.scale
    crop_offset_x: float = FER_CROP.offset_x
    crop_offset_y: float = FER_CROP.offset_y
    metrics: dict[str, Any] = {}


def seal(
    candidate: Candidate,
    facts: Facts,
    labels: tuple[str, ...],
    pictures: NDArray[Any],
    *,
    activation: Literal["logits", "scores", "cells"],
    size_px: int,
    parameters: int,
    flatbuffer: bytes | None = None,
) -> bytes:
    """The bytes of a model file; the same parts give the same bytes.

    pictures: the golden inputs, shape (n, *input). flatbuffer: the candidate's own, unless metadata were added.
    Raises ConversionError if they changed its answers, if it answers all alike, or for a crop beyond reason.
    """
    content = candidate.content if flatbuffer is None else flatbuffer
    golden, runtime, version = golden_case(content, pictures)
    if flatbuffer is not None and not np.array_equal(
        golden_case(candidate.content, pictures)[0].outputs, golden.outputs
    ):
        raise ConversionError(f"{candidate.path}: it answers otherwise once its metadata are written")
    if (golden.outputs == golden.outputs[0]).all():
        raise ConversionError(f"{candidate.path}: it answers every picture alike: its quantization has collapsed")
    manifest = Manifest(
        name=facts.name,
        version=facts.version,
        description=facts.description,
        licence=facts.licence,
        origin=facts.origin,
        sha256=hashlib.sha256(content).hexdigest(),
        input=describe_tensor(candidate.interpreter.input),
        output=describe_tensor(candidate.interpreter.outputs[0]),
        activation=activation,
        crop=_crop(facts, size_px),
        parameters=parameters,
        runtime=runtime,
        runtime_version=version,
        tools=_tool_versions(),
        metrics=facts.metrics,
    )
    files = {
        LABELS: "".join(f"{label}\n" for label in labels).encode(),
        MANIFEST: msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=2) + b"\n",
        GOLDEN: write_golden(golden),
    }
    return pack(content, files)


def golden_inputs(side: int) -> NDArray[np.uint8]:
    """Pictures that no one owns: two gradients, soft blobs and noise; uint8 (4, side, side, 1)."""
    rng = np.random.default_rng(GOLDEN_SEED)
    down, right = np.mgrid[:side, :side].astype(np.float64) / max(side - 1, 1)
    blobs = sum(
        weight * np.exp(-40 * ((down - y) ** 2 + (right - x) ** 2)) for y, x, weight in rng.uniform(size=(6, 3))
    )
    noise = rng.integers(0, 256, (side, side))
    pictures = [255 * right, 255 * (1 - down) * right, 255 * np.asarray(blobs) / np.max(blobs), noise]
    stacked = np.stack([np.rint(picture).astype(np.uint8) for picture in pictures])
    return np.asarray(stacked[..., np.newaxis], np.uint8)


def _crop(facts: Facts, size_px: int) -> CropContract:
    offsets = {"offset_x": facts.crop_offset_x, "offset_y": facts.crop_offset_y}
    try:
        return msgspec.convert({"size_px": size_px, "scale": facts.crop_scale, **offsets}, CropContract)
    except msgspec.ValidationError as error:
        reason = str(error).replace("`", "").replace("$.", "--crop-").replace("_", "-")
        raise ConversionError(f"the crop contract does not hold: {reason}") from error


def _tool_versions() -> dict[str, str]:
    """Of the packages that had a part in it, as far as they are installed here."""
    found = {}
    for tool in TOOLS:
        try:
            found[tool] = importlib.metadata.version(tool)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
