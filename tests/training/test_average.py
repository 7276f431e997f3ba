"""The averaged weights: exponential, even over the last epochs, or none."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras")

import keras
from train_command import mien_train

from training.average import EVERY_STEPS, WeightAverage


class Walker:
    """A model of one weight that grows by 1 a step."""

    def __init__(self) -> None:
        self.weight = keras.Variable(0.0)
        self.variables = [self.weight]
        self.optimizer = types.SimpleNamespace(iterations=np.int64(0))

    def run(self, average: WeightAverage, epochs: int, steps: int) -> list[float]:
        """The weights that the model had when the callback looked."""
        seen = []
        average.set_params({"steps": steps})
        for epoch in range(epochs):
            average.on_epoch_begin(epoch)
            for batch in range(steps):
                self.weight.assign_add(1.0)
                self.optimizer.iterations += 1
                average.on_train_batch_end(batch)
                if batch % EVERY_STEPS == 0:
                    seen.append(float(self.weight))
            average.on_epoch_end(epoch)
        return seen


def averaged(average: WeightAverage, **run: Any) -> tuple[float, list[float], float]:
    walker = Walker()
    average._model = walker  # Keras' own setter wants a whole model
    average.start(walker)
    seen = walker.run(average, **run)
    return float(average.arrays[0]), seen, float(walker.weight)


def test_without_a_decay_the_average_is_the_last_weight() -> None:
    mean, _, last = averaged(WeightAverage(0.0), epochs=2, steps=20)
    assert mean == last == 40


def test_the_even_average_counts_every_look_of_its_epochs_alike() -> None:
    mean, seen, _ = averaged(WeightAverage(0.9, even_from=1), epochs=3, steps=20)
    assert mean == pytest.approx(np.mean(seen[3:]))


def test_the_even_average_goes_on_after_a_stop() -> None:
    """What is done is told by epoch and batch alone, so a checkpoint need not hold a count."""
    whole, _, _ = averaged(WeightAverage(0.0, even_from=1), epochs=3, steps=20)
    walker, first = Walker(), WeightAverage(0.0, even_from=1)
    first._model = walker
    first.start(walker)
    walker.run(first, epochs=2, steps=20)
    second = WeightAverage(0.0, even_from=1)
    second._model = walker
    second.set_params({"steps": 20})
    second.arrays = first.arrays
    second.on_epoch_begin(2)
    for batch in range(20):
        walker.weight.assign_add(1.0)
        second.on_train_batch_end(batch)
    assert float(second.arrays[0]) == pytest.approx(whole)


def test_the_exponential_average_lags_behind() -> None:
    mean, _, last = averaged(WeightAverage(0.99), epochs=3, steps=40)
    assert 0 < mean < last


def net(seed: int, width: int = 4) -> Any:
    keras.utils.set_random_seed(seed)
    layers = [keras.layers.Dense(width, name="wide"), keras.layers.BatchNormalization(name="norm")]
    return keras.Sequential([keras.Input((3,)), *layers])


def test_the_mean_of_models_is_the_mean_of_their_weights_and_statistics(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    models = [net(1), net(2), net(3)]
    models[2].get_layer("norm").moving_variance.assign(np.full(4, 7.0, np.float32))
    files = [tmp_path / f"{number}.keras" for number in range(3)]
    for model, file in zip(models, files, strict=True):
        model.save(file)
    told = mien_train(capfd, monkeypatch, "average", *files, "--out", tmp_path / "mean.keras")
    assert (told.status, told.out) == (0, f"wrote {tmp_path / 'mean.keras'}: the mean of 3 models\n")
    found = keras.saving.load_model(tmp_path / "mean.keras", compile=False)
    assert found.get_layer("norm").moving_variance.numpy() == pytest.approx(np.full(4, 3.0))
    for mean, *each in zip(found.get_weights(), *(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(mean, np.mean(each, axis=0), rtol=1e-6, atol=1e-7)


def test_models_of_different_shapes_have_no_mean(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    net(1).save(tmp_path / "a.keras")
    net(2, width=5).save(tmp_path / "b.keras")
    told = mien_train(
        capfd, monkeypatch, "average", tmp_path / "a.keras", tmp_path / "b.keras", "--out", tmp_path / "mean.keras"
    )
    assert told.the_line() == f"mien-train: {tmp_path / 'b.keras'}: is another network than {tmp_path / 'a.keras'}"
    assert not (tmp_path / "mean.keras").exists()
