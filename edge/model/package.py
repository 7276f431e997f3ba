"""A model is one file: a TFLite flatbuffer with a zip appended that says what it is and proves it.

Source of the layout: TFLite metadata's "associated files". Both runtimes load the file unchanged, `unzip` and
zipfile read the zip. It holds `labels.txt` (one label a line), `model.json` (the Manifest) and `golden.npz`
(`inputs`, `outputs`: raw tensors of the flatbuffer). The zip is canonical, so a change of any byte shows.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.model.interpreter import Interpreter, find_runtime
from edge.model.labels import check_labels
from edge.model.preprocess import CropContract

LABELS, MANIFEST, GOLDEN = "labels.txt", "model.json", "golden.npz"
FORMAT_VERSION = 1
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
GOLDEN_TOLERANCE_LSB = 12
"""Between runtimes: their int8 kernels round differently and the error grows through the layers. Within the
runtime that made the golden case there is none: XNNPACK's int8 kernels give the same bits on x86 and Arm."""
GOLDEN_TOLERANCE_FLOAT = 1e-2
"""Of a float output, as a share of its largest value: float sums differ from one processor to the next, and
float16 weights may be computed with as they are."""

BUNDLED = Path(__file__).resolve().parent.parent / "assets"
DEFAULT_MODEL = "emotion"
DETECTOR_LABELS = ("face",)


class Tensor(Struct, frozen=True, forbid_unknown_fields=True):
    """A tensor's contract; real value = (raw - zero_point) * scale. A float tensor has scale 0."""

    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What model.json holds.

    sha256: of the flatbuffer alone, without the zip.
    activation: what the output holds: "logits" (softmax follows), "scores" (they sum to 1), or a face detector's
    "cells" (edge/detect/grid.py). A detector takes pictures of any size; its crop is the square of its boxes that
    gives back the faces that classifiers learnt from.
    metrics: what was measured, each with its data and N, as the evaluation wrote it.
    runtime, runtime_version: what made the golden case.
    """

    format: int = FORMAT_VERSION
    name: str
    version: str
    description: str
    licence: str
    origin: str
    sha256: str
    input: Tensor
    output: Tensor
    activation: Literal["logits", "scores", "cells"]
    crop: CropContract
    parameters: int | None = None
    runtime: str
    runtime_version: str
    tools: dict[str, str] = {}
    metrics: dict[str, Any] = {}


class Golden(Struct, frozen=True, eq=False):
    """Saved pairs of raw input and output, each with the batch first: (n, *shape)."""

    inputs: NDArray[Any]
    outputs: NDArray[Any]


class Package(Struct, frozen=True, eq=False):
    """The parts of a model file."""

    flatbuffer: bytes
    labels: tuple[str, ...]
    manifest: Manifest
    golden: Golden


class Model(Struct, frozen=True, eq=False):
    """A model that has proved itself and is ready to run."""

    path: Path
    labels: tuple[str, ...]
    manifest: Manifest
    interpreter: Interpreter


def model_path(name: str) -> Path:
    """The file of a bundled model's name, or the file itself. Raises ModelError if there is none."""
    if "/" not in name and not name.endswith(".tflite"):
        bundled = BUNDLED / f"{name}.tflite"
        if bundled.is_file():
            return bundled
        known = ", ".join(bundled_models()) or "none"
        raise ModelError(f"{name}: no bundled model of this name ({known}) and no .tflite file")
    path = Path(name)
    if not path.is_file():
        raise ModelError(f"{name}: no such model file")
    return path


def bundled_models() -> list[str]:
    """Names of the emotion models that ship with Mien."""
    return sorted(path.stem for path in BUNDLED.glob("emotion*.tflite"))


def pack(flatbuffer: bytes, files: dict[str, bytes]) -> bytes:
    """The bytes of a model file; the same parts give the same bytes everywhere (nothing is compressed)."""
    content = io.BytesIO(flatbuffer)
    with zipfile.ZipFile(content, "a", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, ZIP_TIME)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, files[name])
    return content.getvalue()


def read_package(path: Path) -> Package:
    """A model file taken apart. Raises ModelError, naming the part, if one is missing, altered or malformed."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    flatbuffer, files = unpack(content, str(path))
    manifest = _parse_manifest(files[MANIFEST], str(path))
    if hashlib.sha256(flatbuffer).hexdigest() != manifest.sha256:
        raise ModelError(f"{path}: hash: the flatbuffer is not the one that {MANIFEST} names")
    try:
        labels = tuple(files[LABELS].decode().splitlines())
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: labels: {LABELS} is no UTF-8 text") from error
    if manifest.activation != "cells":
        check_labels(labels, manifest.output.shape[-1] if manifest.output.shape else 0, f"{path}: labels")
    elif labels != DETECTOR_LABELS:
        raise ModelError(f"{path}: labels: a face detector's are {', '.join(DETECTOR_LABELS)}; got {labels}")
    return Package(flatbuffer, labels, manifest, _parse_golden(files[GOLDEN], str(path)))


def unpack(content: bytes, where: str) -> tuple[bytes, dict[str, bytes]]:
    """(flatbuffer, appended files). Raises ModelError if the content is no whole, unaltered model file."""
    if content[4:8] != b"TFL3":
        raise ModelError(f"{where}: no TFLite file")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            files = {entry.filename: archive.read(entry) for entry in entries}
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        OSError,
    ) as error:
        raise ModelError(f"{where}: truncated, altered or not packaged (mien-convert package): {error}") from error
    for name in (LABELS, MANIFEST, GOLDEN):
        if name not in files:
            raise ModelError(f"{where}: {name} is missing: make the file with mien-convert package")
    flatbuffer = content[: min(entry.header_offset for entry in entries)]
    # A zip before the zip would be appended to instead of a flatbuffer.
    if zipfile.is_zipfile(io.BytesIO(flatbuffer)) or pack(flatbuffer, files) != content:
        raise ModelError(f"{where}: altered: its bytes are not those that mien-convert package writes")
    return flatbuffer, files


def open_model(path: Path, *, threads: int = 1) -> Model:
    """A classifier, proved: hash, tensor types and shapes, labels and golden case hold.

    Raises ModelError with one line that says which does not.
    """
    model = prove_model(path, threads=threads)
    if model.manifest.activation == "cells":
        raise ModelError(f"{path}: a face detector, no classifier: detect.model may name it")
    return model


def prove_model(path: Path, *, threads: int = 1) -> Model:
    """A model of either kind, proved as `open_model` does. Raises ModelError."""
    package = read_package(path)
    interpreter = Interpreter(package.flatbuffer, threads=threads, where=str(path))
    manifest = package.manifest
    if len(interpreter.outputs) != 1:
        raise ModelError(f"{path}: {len(interpreter.outputs)} outputs: one is expected")
    for which, details, tensor in (
        ("input", interpreter.input, manifest.input),
        ("output", interpreter.outputs[0], manifest.output),
    ):
        found = describe_tensor(details)
        if found != tensor:
            raise ModelError(f"{path}: {which}: the flatbuffer has {found}, {MANIFEST} says {tensor}")
    prove_golden(interpreter, package, str(path))
    return Model(path, package.labels, manifest, interpreter)


def describe_tensor(details: dict[str, Any]) -> Tensor:
    """The contract of a tensor as the interpreter tells it."""
    scale, zero_point = details["quantization"]
    shape = tuple(int(n) for n in details["shape"])
    return Tensor(shape, np.dtype(details["dtype"]).name, float(np.float32(scale)), int(zero_point))


def prove_golden(interpreter: Interpreter, package: Package, where: str) -> None:
    """Raises ModelError unless the interpreter gives the golden outputs for the golden inputs."""
    golden, manifest = package.golden, package.manifest
    anysize = manifest.activation == "cells"
    if anysize and golden.inputs.ndim == 4:
        interpreter.resize((1, *golden.inputs.shape[1:]))
    for part, tensor in (("inputs", manifest.input), ("outputs", manifest.output)):
        array = getattr(golden, part)
        shape = array.shape[3:] if anysize else array.shape[1:]
        if (
            array.ndim == 0
            or len(array) == 0
            or shape != (tensor.shape[3:] if anysize else tensor.shape[1:])
            or array.dtype.name != tensor.dtype
        ):
            raise ModelError(
                f"{where}: golden case: its {part} are {array.dtype}{array.shape}, not of the model's type"
            )
    if len(golden.inputs) != len(golden.outputs):
        raise ModelError(f"{where}: golden case: {len(golden.inputs)} inputs, {len(golden.outputs)} outputs")
    same = (interpreter.runtime, interpreter.runtime_version) == (manifest.runtime, manifest.runtime_version)
    tolerance = 0 if same else GOLDEN_TOLERANCE_LSB
    for number, (sample, expected) in enumerate(zip(golden.inputs, golden.outputs, strict=True)):
        found = interpreter.invoke(sample[np.newaxis])[0][0]
        if manifest.output.dtype == "float32":
            off = float(np.abs(found - expected).max())
            limit = GOLDEN_TOLERANCE_FLOAT * max(float(np.abs(expected).max()), 1e-6)
        else:
            off, limit = float(np.abs(found.astype(np.int32) - expected.astype(np.int32)).max()), tolerance
        if not off <= limit:  # also catches NaN
            raise ModelError(
                f"{where}: golden case {number}: an output is off by {off:g} steps under {interpreter.runtime} "
                f"{interpreter.runtime_version}; at most {limit:g} are allowed"
            )


def golden_case(flatbuffer: bytes, inputs: NDArray[Any]) -> tuple[Golden, str, str]:
    """(golden, runtime, version): the outputs that this machine's runtime gives for the inputs."""
    interpreter = Interpreter(flatbuffer)
    interpreter.resize((1, *inputs.shape[1:]))
    outputs = np.stack([interpreter.invoke(sample[np.newaxis])[0][0] for sample in inputs])
    name, version, _ = find_runtime()
    return Golden(inputs, outputs), name, version


def write_golden(golden: Golden) -> bytes:
    """golden.npz as bytes, the same for the same arrays."""
    files = {}
    for name in ("inputs", "outputs"):
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.ascontiguousarray(getattr(golden, name)), allow_pickle=False)
        files[f"{name}.npy"] = buffer.getvalue()
    return pack(b"", files)


def _parse_golden(content: bytes, where: str) -> Golden:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return Golden(arrays["inputs"], arrays["outputs"])
    except (ValueError, KeyError, OSError, zipfile.BadZipFile, EOFError) as error:
        raise ModelError(f"{where}: golden case: {GOLDEN} does not hold the arrays inputs and outputs") from error


def _parse_manifest(content: bytes, where: str) -> Manifest:
    try:
        version = msgspec.json.decode(content).get("format")
        if version != FORMAT_VERSION:
            raise ModelError(f"{where}: {MANIFEST}: format {version}: this Mien reads {FORMAT_VERSION}")
        return msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, AttributeError) as error:
        raise ModelError(f"{where}: {MANIFEST}: {error}") from error
