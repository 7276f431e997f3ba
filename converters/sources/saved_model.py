"""TensorFlow SavedModels, ours and others'."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.errors import ConversionError
from converters.sources import Options, picture_shape

SIGNATURE = "serving_default"


class SavedModelSource:
    """The serving signature of a SavedModel."""

    kind = "SavedModel"

    def __init__(self, path: Path, loaded: Any, shape: tuple[int, int, int]) -> None:
        self.path = path
        self.shape = shape
        self._loaded = loaded  # its variables live as long as it does
        self._function = loaded.signatures[SIGNATURE]
        self._input = next(iter(self._function.structured_input_signature[1]))

    def _outputs(self, image: Any) -> dict[str, Any]:
        outputs = self._function(**{self._input: image})
        return {name: outputs[name] for name in sorted(outputs, key=_natural)}

    def predict(self, values: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Outputs for inputs of shape (n, height, width, channels); one picture at a time."""
        each = [list(self._outputs(value[np.newaxis]).values()) for value in values]
        return [
            np.stack([np.asarray(array, np.float32)[0] for array in arrays]) for arrays in zip(*each, strict=True)
        ]

    def saved_model(self, folder: Path, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        """Writes a SavedModel of batch 1."""
        import tensorflow as tf

        def serve(image: Any) -> dict[str, Any]:
            if (mean, std) != ((0.0,), (1.0,)):
                image = (image - tf.constant(mean)) / tf.constant(std)
            return {_padded(name): output for name, output in self._outputs(image).items()}

        module = tf.Module()
        module.source = self._loaded
        signature = [tf.TensorSpec((1, *self.shape), tf.float32, name="image")]
        module.serve = tf.function(serve, input_signature=signature)
        tf.saved_model.save(module, str(folder), signatures={SIGNATURE: module.serve})


def load(path: Path, options: Options) -> SavedModelSource:
    """The model in a folder. Raises ConversionError."""
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ConversionError(f"{path}: no SavedModel that TensorFlow can read: {reason}") from error
    if SIGNATURE not in loaded.signatures:
        known = ", ".join(loaded.signatures) or "none"
        raise ConversionError(f"{path}: no signature {SIGNATURE} (it has {known})")
    function = loaded.signatures[SIGNATURE]
    inputs = function.structured_input_signature[1]
    if len(inputs) != 1:
        raise ConversionError(f"{path}: {len(inputs)} inputs: one picture is expected")
    spec = next(iter(inputs.values()))
    if spec.dtype != tf.float32 or spec.shape.rank is None:
        raise ConversionError(
            f"{path}: input is {spec.dtype.name} of shape {spec.shape}: a float picture is expected"
        )
    shape = picture_shape(tuple(spec.shape), options.size, str(path))
    return SavedModelSource(path, loaded, shape)


def _padded(name: str) -> str:
    """output_09 before output_10: TensorFlow sorts by letters, and the file keeps that order."""
    stem, number = _natural(name)
    return f"{stem}{number:02d}" if name[len(stem) :] else name


def _natural(name: str) -> tuple[str, int]:
    """output_10 after output_9."""
    stem = name.rstrip("0123456789")
    return stem, int(name[len(stem) :] or 0)
