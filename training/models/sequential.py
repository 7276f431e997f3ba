"""The CNN of the tutorials: Conv2D, MaxPooling, Dropout, Dense. Kept as the baseline that everyone knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import layers

from edge.errors import ConfigError
from training.dataset import FACE_PX

if TYPE_CHECKING:
    from training.recipe import ModelConfig


def build(config: ModelConfig) -> Any:
    """Raises ConfigError if the family has no such size."""
    if config.size != "default":
        raise ConfigError(f'model.size = "{config.size}": the sequential family has only "default"')
    return keras.Sequential(
        [
            keras.Input((FACE_PX, FACE_PX, 1), name="luma"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Conv2D(128, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(128, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(1024, activation="relu"),
        ]
    )
