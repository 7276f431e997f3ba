"""One file that says what it is and proves it: the flatbuffer with labels, manifest and golden cases appended."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from converters.audit import audit
from converters.candidate import Candidate, as_scores
from converters.errors import ConversionError, DataError
from converters.flatbuffer import read_graph
from converters.metadata import Description, with_metadata
from edge.model.labels import FER2013, FERPLUS, check_labels
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

KNOWN_LABELS = {"fer2013": FER2013, "ferplus": FERPLUS}
GOLDEN_CASES = 4
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


def build_package(candidate: Candidate, labels: tuple[str, ...], facts: Facts, *, second_best: bool) -> bytes:
    """The bytes of a model file; the same parts give the same bytes.

    second_best: allow float inside. Raises ConversionError or ModelError, naming what keeps it from being one.
    """
    parameters = check_classifier(candidate, labels, second_best=second_best)
    side = candidate.shape[0]
    inputs = golden_inputs(side)
    activation = facts.activation or _activation(candidate, inputs)
    flatbuffer = _described(candidate, facts, activation)
    entry = describe_tensor(candidate.interpreter.input)
    pictures = inputs if entry.dtype == "uint8" else inputs.astype(np.float32) / np.float32(255)
    golden, runtime, version = golden_case(flatbuffer, pictures)
    before, _, _ = golden_case(candidate.content, pictures)
    if not np.array_equal(before.outputs, golden.outputs):
        raise ConversionError(f"{candidate.path}: it answers otherwise once its metadata are written")
    if (golden.outputs == golden.outputs[0]).all():
        raise ConversionError(f"{candidate.path}: it answers every picture alike: its quantization has collapsed")
    manifest = Manifest(
        name=facts.name,
        version=facts.version,
        description=facts.description,
        licence=facts.licence,
        origin=facts.origin,
        sha256=hashlib.sha256(flatbuffer).hexdigest(),
        input=entry,
        output=describe_tensor(candidate.interpreter.outputs[0]),
        activation=activation,
        crop=_crop(facts, side),
        parameters=parameters,
        runtime=runtime,
        runtime_version=version,
        tools=tool_versions(),
        metrics=facts.metrics,
    )
    files = {
        LABELS: "".join(f"{label}\n" for label in labels).encode(),
        MANIFEST: msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=2) + b"\n",
        GOLDEN: write_golden(golden),
    }
    return pack(flatbuffer, files)


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


def tool_versions() -> dict[str, str]:
    """Of the packages that had a part in it, as far as they are installed here."""
    found = {}
    for tool in TOOLS:
        try:
            found[tool] = importlib.metadata.version(tool)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


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


def _crop(facts: Facts, side: int) -> CropContract:
    offsets = {"offset_x": facts.crop_offset_x, "offset_y": facts.crop_offset_y}
    try:
        return msgspec.convert({"size_px": side, "scale": facts.crop_scale, **offsets}, CropContract)
    except msgspec.ValidationError as error:
        reason = str(error).replace("`", "").replace("$.", "--crop-").replace("_", "-")
        raise ConversionError(f"the crop contract does not hold: {reason}") from error
