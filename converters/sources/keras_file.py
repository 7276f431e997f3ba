"""Keras models: .keras, and the older .h5."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.errors import ConversionError
from converters.sources import Options, picture_shape


class KerasSource:
    """A Keras model under the TensorFlow backend."""

    kind = "Keras"

    def __init__(self, path: Path, model: Any, shape: tuple[int, int, int]) -> None:
        self.path = path
        self.shape = shape
        self._model = model

    def predict(self, values: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Outputs for inputs of shape (n, height, width, channels)."""
        outputs = self._model.predict(values, batch_size=64, verbose=0)
        return [np.asarray(array, np.float32) for array in _flat(outputs)]

    def saved_model(self, folder: Path, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        """Writes a SavedModel of batch 1."""
        import keras
        import tensorflow as tf

        def serve(image: Any) -> Any:
            if (mean, std) != ((0.0,), (1.0,)):
                image = (image - tf.constant(mean)) / tf.constant(std)
            return self._model(image, training=False)

        archive = keras.export.ExportArchive()
        archive.track(self._model)
        signature = [tf.TensorSpec((1, *self.shape), tf.float32, name="image")]
        archive.add_endpoint("serve", serve, input_signature=signature)
        archive.write_out(str(folder), verbose=False)


def load(path: Path, options: Options) -> KerasSource:
    """The model in a file. Raises ConversionError."""
    import keras

    if keras.backend.backend() != "tensorflow":
        raise ConversionError(f"{path}: Keras runs on {keras.backend.backend()}: set KERAS_BACKEND=tensorflow")
    for module in options.modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise ConversionError(f"--import {module}: {error}") from error
    try:
        model = keras.models.load_model(path, compile=False)
    except Exception as error:
        raise ConversionError(f"{path}: no model that Keras can read: {explain(error)}") from error
    inputs = model.inputs or []
    if len(inputs) != 1:
        raise ConversionError(f"{path}: {len(inputs)} inputs: one picture is expected")
    shape = picture_shape(tuple(inputs[0].shape), options.size, str(path))
    return KerasSource(path, model, shape)


def explain(error: Exception) -> str:
    """The first sentence of Keras's often long words."""
    text = " ".join(str(error).split())
    if "ambda" in text and "safe_mode" in text:
        return "it holds a Lambda layer, which is Python code: rebuild it with registered layers"
    if "Could not locate class" in text or "Unknown layer" in text:
        return f"{_sentence(text)} (--import MODULE loads the module that registers it)"
    return _sentence(text) or type(error).__name__


def _sentence(text: str) -> str:
    first = text.split(". ", maxsplit=1)[0]
    return first if len(first) <= 200 else first[:197] + "..."


def _flat(outputs: Any) -> list[Any]:
    if isinstance(outputs, dict):
        return [outputs[name] for name in outputs]
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
