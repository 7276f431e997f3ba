"""What a run trains: the float network, or a trained one with int8's rounding in it, tuned for its last epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edge.errors import ModelError
from training.detector.compose import compose
from training.detector.model import build_detector
from training.detector.recipe import is_tuning
from training.quantize.graph import observe, settle, with_fake_quantization
from training.weights import assign, in_policy, take_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.detector.material import Material
    from training.detector.recipe import DetectorRecipe, Training

OBSERVED = 64
"""Composed pictures that give a rounded network its first ranges."""


def begin(recipe: DetectorRecipe, material: Material, start: Path | None, tell: Callable[[str], None]) -> Any:
    """The network that a run trains, for pictures of its size, with the weights of `start`, if any.

    Raises ModelError if `start` has no weights for it; a network to be tuned wants all of them.
    """
    how = recipe.train
    policy = "float32" if is_tuning(recipe) else how.precision
    network = in_policy(policy, lambda: build_detector(recipe.network, (how.side_px, how.side_px)))
    taken = 0
    if start is not None:
        taken = take_weights(network, start)
        tell(f"{taken} layers start from {start}")
    if not is_tuning(recipe):
        return network
    rounded = with_fake_quantization(network, recipe.name)
    if start is not None:
        weighty = sum(bool(layer.weights) for layer in network.layers)
        if taken < weighty:
            raise ModelError(f"{start}: fits {taken} of {weighty} layers of recipe {recipe.name}: all are expected")
        observe(rounded, pictures(material, how))
    return rounded


def free(arrays: Sequence[NDArray[Any]], recipe: DetectorRecipe) -> Any:
    """The network with these values of its variables, for pictures of any size."""
    network = build_detector(recipe.network)
    if is_tuning(recipe):
        network = with_fake_quantization(network, recipe.name)
    assign(network.variables, list(arrays), "trained weights")
    settle(network)
    return network


def pictures(material: Material, how: Training) -> NDArray[np.float32]:
    """What a run's first epoch shows, float32 (OBSERVED, side, side, 1) in 0..1."""
    luma = [compose(material, how.side_px, (how.seed, 0, number)).luma for number in range(OBSERVED)]
    return np.stack(luma)[..., np.newaxis].astype(np.float32) / np.float32(255)
