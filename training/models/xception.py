"""Mini-Xception: the usual network of emotion projects, kept as the baseline to beat.

Source: Arriaga, Ploeger, Valdenegro 2017, arXiv:1710.07557.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import layers

from edge.errors import ConfigError
from training.dataset import FACE_PX

if TYPE_CHECKING:
    from training.recipe import ModelConfig

CHANNELS = (16, 32, 64, 128)


def build(config: ModelConfig) -> Any:
    """Ends in a map of features, not a vector. Raises ConfigError if the family has no such size."""
    if config.size != "default":
        raise ConfigError(f'model.size = "{config.size}": the xception family has only "default"')
    picture = keras.Input((FACE_PX, FACE_PX, 1), name="luma")
    x = picture
    for _ in range(2):
        x = layers.Conv2D(8, 3, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    for channels in CHANNELS:
        short = layers.Conv2D(channels, 1, 2, padding="same", use_bias=False)(x)
        short = layers.BatchNormalization()(short)
        x = layers.SeparableConv2D(channels, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.SeparableConv2D(channels, 3, padding="same", use_bias=False)(x)
        x = layers.MaxPooling2D(3, 2, padding="same")(layers.BatchNormalization()(x))
        x = layers.Add()([x, short])
    return keras.Model(picture, x)
