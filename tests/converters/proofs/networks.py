"""Networks that are not ours, to prove the converters on.

    networks.py mobilenetv2 OUT.keras DATA      Keras' own MobileNetV2, random weights, RGB 96x96 in -1..1
    networks.py mini-xception OUT.keras DATA    arXiv:1710.07557, luma 64x64 in -1..1, one epoch of FER-2013

DATA: fer2013.npz. With random weights the statistics of the normalizations would let nothing through: they are
taken from the data, so that the outputs differ from picture to picture.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from converters.quiet import prepare_tensorflow
from converters.samples import read_samples
from converters.scaling import Scaling

prepare_tensorflow()

import keras  # noqa: E402  (its backend is chosen above)

Scaled = Scaling((0.5,), (0.5,))
BATCH = 64


def mobilenetv2() -> Any:
    return keras.applications.MobileNetV2((96, 96, 3), weights=None, classifier_activation=None)


def mini_xception() -> Any:
    layers = keras.layers
    norm = {"use_bias": False, "padding": "same"}
    entry = keras.Input((64, 64, 1))
    x = entry
    for _ in range(2):
        x = layers.Conv2D(8, 3, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    for filters in (16, 32, 64, 128):
        beside = layers.BatchNormalization()(layers.Conv2D(filters, 1, strides=2, **norm)(x))
        x = layers.BatchNormalization()(layers.SeparableConv2D(filters, 3, **norm)(x))
        x = layers.ReLU()(x)
        x = layers.BatchNormalization()(layers.SeparableConv2D(filters, 3, **norm)(x))
        x = layers.Add()([layers.MaxPooling2D(3, strides=2, padding="same")(x), beside])
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(7, 3, padding="same")(x))
    return keras.Model(entry, layers.Softmax()(x))


def settle(model: Any, values: Any) -> None:
    """Takes the normalizations' statistics from the data."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.7
    for start in range(0, len(values), BATCH):
        model(values[start : start + BATCH], training=True)


def main(name: str, out: Path, data: Path) -> None:
    keras.utils.set_random_seed(5)
    if name == "mobilenetv2":
        model = mobilenetv2()
        settle(model, Scaled.apply(read_samples(data, (96, 96, 3), limit=1024).pixels))
    else:
        model = mini_xception()
        samples = read_samples(data, (64, 64, 1))
        words = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
        truth = np.array([words.index(word) for word in samples.labels or ()])
        model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
        model.fit(Scaled.apply(samples.pixels), truth, batch_size=BATCH, epochs=1, verbose=2)
        settle(model, Scaled.apply(samples.pixels[:2048]))
    model.save(out)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
