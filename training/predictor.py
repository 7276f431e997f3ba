"""Scores from a finished model, float or int8, through the preprocessing of the device."""

from __future__ import annotations

import hashlib
import importlib
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.classify import Classifier
from edge.errors import MissingPackageError, ModelError
from edge.model.interpreter import Interpreter, dequantize
from edge.model.labels import FER2013, FERPLUS
from edge.model.package import model_path, open_model
from edge.model.preprocess import resize_face, softmax

Scores = NDArray[np.float32]

BATCH = 256
LABELS_BY_COUNT = {len(labels): labels for labels in (FER2013, FERPLUS)}


class Predictor(NamedTuple):
    """labels: what the scores are of. scores: from faces, uint8 (n, side, side), to float32 (n, labels)."""

    labels: tuple[str, ...]
    scores: Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def open_predictor(name: str) -> Predictor:
    """A `.keras` file, a packaged or bare `.tflite` file, or a bundled model's name. Raises ModelError."""
    if name.endswith(".keras"):
        return _keras(Path(name))
    path = model_path(name)
    return _packaged(path) if zipfile.is_zipfile(path) else _bare(path)


def as_scores(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Outputs as scores: logits go through softmax, rows that already sum to 1 stay."""
    sums = values.sum(axis=1)
    # An int8 softmax is off by its rounding: 1/256 a label.
    if np.all(values >= 0) and np.all(np.abs(sums - 1) < 0.03):
        return np.asarray(values / sums[:, np.newaxis], np.float32)
    return softmax(values)


def _packaged(path: Path) -> Predictor:
    model = open_model(path)
    classifier, size = Classifier(model), model.manifest.crop.size_px

    def scores(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.stack([classifier.classify_crop(resize_face(face, size)) for face in pixels])

    return Predictor(classifier.labels, scores)


def _bare(path: Path) -> Predictor:
    interpreter = Interpreter(path.read_bytes(), where=str(path))
    _, height, width, channels = _four(interpreter.input["shape"], str(path))
    if height != width or channels != 1:
        raise ModelError(f"{path}: input: {height} x {width} x {channels}: a square luma picture is expected")
    output = interpreter.outputs[0]
    labels = _labels(int(output["shape"][-1]), str(path))
    dtype = np.dtype(interpreter.input["dtype"])

    def scores(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        rows = []
        for face in pixels:
            crop = resize_face(face, height)[np.newaxis]
            rows.append(dequantize(interpreter.invoke(_raw(crop, dtype, interpreter.input))[0][0], output))
        return as_scores(np.stack(rows))

    return Predictor(labels, scores)


def _raw(crop: NDArray[np.uint8], dtype: np.dtype[Any], details: dict[str, Any]) -> NDArray[Any]:
    """Luma as the model's own input type: bytes as they are, the rest by its quantization."""
    if dtype == np.uint8:
        return crop
    pictures = crop.astype(np.float32) / 255
    if np.issubdtype(dtype, np.floating):
        return pictures.astype(dtype)
    scale, zero_point = details["quantization"]
    limits = np.iinfo(dtype)
    return np.asarray(np.clip(np.rint(pictures / scale) + zero_point, limits.min, limits.max), dtype)


def load_keras(path: Path) -> Any:
    """The model in a `.keras` file, our own layers included. Raises ModelError, MissingPackageError."""
    if not path.is_file():
        raise ModelError(f"{path}: no such model file")
    try:
        import keras

        importlib.import_module("training.quantize.layers")  # Keras must know them by name
    except ImportError as error:
        raise MissingPackageError(
            "keras is not installed: ./setup.sh train, or pip install 'mien[train]'"
        ) from error
    try:
        return keras.saving.load_model(path, compile=False)
    except (ValueError, OSError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{path}: no Keras model that can be read: {' '.join(str(error).split())[:200]}"
        ) from error


def _keras(path: Path) -> Predictor:
    model = load_keras(path)
    side, labels = _side_and_labels(model, str(path))
    return Predictor(labels, lambda pixels: as_scores(_outputs(model, pixels, side)[0]))


def _side_and_labels(model: Any, where: str) -> tuple[int, tuple[str, ...]]:
    _, height, width, channels = _four(model.input_shape, where)
    if height != width or channels != 1:
        raise ModelError(f"{where}: input: {height} x {width} x {channels}: a square luma picture is expected")
    return height, _labels(int(model.output_shape[-1]), where)


def _outputs(model: Any, pixels: NDArray[np.uint8], side: int) -> list[NDArray[np.float32]]:
    """What a Keras model of one output or several gives faces, uint8 (n, any, any): for each (n, labels)."""
    rows: list[list[NDArray[np.float32]]] = []
    for start in range(0, len(pixels), BATCH):
        crops = np.stack([resize_face(face, side) for face in pixels[start : start + BATCH]])
        found = model.predict_on_batch(crops.astype(np.float32) / 255)
        rows.append([np.asarray(each, np.float32) for each in (found if isinstance(found, list) else [found])])
    return [np.concatenate(each) for each in zip(*rows, strict=True)]


def open_panel(names: Sequence[str]) -> Callable[[NDArray[np.uint8]], list[tuple[tuple[str, ...], Scores]]]:
    """What several models say of faces, uint8 (n, side, side): (labels, scores) of each, in no order.

    Networks that differ in their last layer alone, as the two heads of a training do, are computed once. Raises
    ModelError.
    """
    predictors = [open_predictor(name) for name in names if not name.endswith(".keras")]
    same_trunk: dict[bytes, list[tuple[str, Any]]] = {}
    for name in names:
        if name.endswith(".keras"):
            model = load_keras(Path(name))
            same_trunk.setdefault(_trunk(model), []).append((name, model))
    panels = [
        (_joined([model for _, model in group]), [_side_and_labels(model, name) for name, model in group])
        for group in same_trunk.values()
    ]

    def scores(pixels: NDArray[np.uint8]) -> list[tuple[tuple[str, ...], Scores]]:
        said = [(predictor.labels, predictor.scores(pixels)) for predictor in predictors]
        for model, kinds in panels:
            outputs = _outputs(model, pixels, kinds[0][0])
            said += [(labels, as_scores(array)) for (_, labels), array in zip(kinds, outputs, strict=True)]
        return said

    return scores


def _joined(models: list[Any]) -> Any:
    """One network with the outputs of all, which differ in their last layer alone."""
    import keras

    first, *others = models
    heads = [model.layers[-1](first.layers[-1].input) for model in others]
    return keras.Model(first.inputs[0], [first.output, *heads]) if heads else first


def _trunk(model: Any) -> bytes:
    """A digest of all layers and weights but the last layer's."""
    digest = hashlib.sha256()
    for layer in model.layers[:-1]:
        digest.update(f"{type(layer).__name__} {layer.name};".encode())
        for array in layer.get_weights():
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.digest()


def _four(shape: Any, where: str) -> tuple[int, int, int, int]:
    if len(shape) != 4:
        raise ModelError(f"{where}: input: shape {tuple(shape)}: (batch, height, width, 1) is expected")
    batch, height, width, channels = (0 if n is None else int(n) for n in shape)
    return batch, height, width, channels


def _labels(count: int, where: str) -> tuple[str, ...]:
    if count not in LABELS_BY_COUNT:
        raise ModelError(f"{where}: {count} outputs: {' or '.join(map(str, LABELS_BY_COUNT))} labels are known")
    return LABELS_BY_COUNT[count]
