"""Transfer learning: networks that have learnt from ImageNet, fed with faces in grey.

Large and slow on a Pi; they are here as teachers and for comparison.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import keras
from keras import layers

from edge.errors import ConfigError, SourceError
from training.dataset import FACE_PX

if TYPE_CHECKING:
    from training.recipe import ModelConfig


class Backbone(NamedTuple):
    """enlarge: how often the face is doubled first; the deep ones halve it five times.
    scale, offset: from 0..1 to what its ImageNet weights expect.
    """

    name: str
    enlarge: int
    scale: float
    offset: float | tuple[float, ...]


SIZES = {
    "vgg16": Backbone("VGG16", 1, 255.0, (-103.939, -116.779, -123.68)),
    "resnet50v2": Backbone("ResNet50V2", 2, 2.0, -1.0),
    "mobilenetv2": Backbone("MobileNetV2", 2, 2.0, -1.0),
}


def build(config: ModelConfig) -> Any:
    """Raises ConfigError if there is no such backbone, SourceError if its weights cannot be fetched."""
    if config.size not in SIZES:
        raise ConfigError(f'model.size = "{config.size}": must be one of {", ".join(SIZES)}')
    backbone = SIZES[config.size]
    picture = keras.Input((FACE_PX, FACE_PX, 1), name="luma")
    x = layers.Concatenate(name="grey_as_colour")([picture, picture, picture])
    if backbone.enlarge > 1:
        x = layers.UpSampling2D(backbone.enlarge, interpolation="bilinear", name="enlarge")(x)
    x = layers.Rescaling(backbone.scale, backbone.offset, name="imagenet_range")(x)
    network = load_backbone(backbone, config.weights, (*x.shape[1:3], 3))
    features = layers.GlobalAveragePooling2D(name="features")(network(x))
    return keras.Model(picture, features)


def load_backbone(backbone: Backbone, weights: str, shape: tuple[int, ...]) -> Any:
    """The network without its head. Raises SourceError if its weights cannot be fetched."""
    make = getattr(keras.applications, backbone.name)
    try:
        return make(include_top=False, weights=None if weights == "none" else weights, input_shape=shape)
    except Exception as error:  # Keras raises a bare one when a download fails
        if weights == "none":
            raise
        reason = " ".join(str(error).split())[:200]
        raise SourceError(
            f"{backbone.name}: its ImageNet weights cannot be fetched ({reason}): give --weights none "
            '(model.weights = "none"), or run once where the network reaches them'
        ) from error
