"""Moving weights between models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from edge.errors import ModelError


def in_policy(policy: str, build: Callable[[], Any]) -> Any:
    """What `build` gives while Keras' precision is `policy`."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        return build()
    finally:
        keras.config.set_dtype_policy(before)


def assign(variables: list[Any], arrays: list[Any], where: str) -> None:
    """Set variables. Raises ModelError if there are others, or of other shapes."""
    if [tuple(v.shape) for v in variables] != [a.shape for a in arrays]:
        raise ModelError(f"{where}: holds {len(arrays)} weights of other shapes than this model's {len(variables)}")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def take_weights(model: Any, path: Path) -> int:
    """Copy the weights of layers that agree in name and shapes; gives how many did. Raises ModelError if none."""
    if not path.is_file():
        raise ModelError(f"{path}: no such model file")
    try:
        source = keras.saving.load_model(path, compile=False)
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: no Keras model that can be read: {error}") from error
    known = {layer.name: layer.get_weights() for layer in source.layers}
    taken = 0
    for layer in model.layers:
        weights = known.get(layer.name, [])
        if weights and [w.shape for w in weights] == [tuple(w.shape) for w in layer.weights]:
            layer.set_weights(weights)
            taken += 1
    if not taken:
        raise ModelError(f"{path}: no layer of it fits this model")
    return taken
