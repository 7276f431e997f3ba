"""Moving weights between models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edge.errors import ModelError
from training.predictor import load_keras


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
    known = {layer.name: layer.get_weights() for layer in load_keras(path).layers}
    taken = 0
    for layer in model.layers:
        weights = known.get(layer.name, [])
        if weights and [w.shape for w in weights] == [tuple(w.shape) for w in layer.weights]:
            layer.set_weights(weights)
            taken += 1
    if not taken:
        raise ModelError(f"{path}: no layer of it fits this model")
    return taken


def mean_of(paths: Sequence[Path]) -> Any:
    """A model whose weights, BatchNorm's statistics included, are the mean of those of several.

    They must have been trained from one start, or their mean is none of them. Raises ModelError if one cannot be
    read or is of another shape than the first. Source: "model soups", Wortsman et al. 2022, arXiv:2203.05482.
    """
    model, *others = (load_keras(path) for path in paths)
    all_of = [model.get_weights()]
    for path, other in zip(paths[1:], others, strict=True):
        arrays = other.get_weights()
        if [layer.name for layer in other.layers] != [layer.name for layer in model.layers] or [
            array.shape for array in arrays
        ] != [array.shape for array in all_of[0]]:
            raise ModelError(f"{path}: is another network than {paths[0]}")
        all_of.append(arrays)
    model.set_weights([np.mean(arrays, axis=0, dtype=np.float64) for arrays in zip(*all_of, strict=True)])
    return model
