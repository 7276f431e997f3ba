"""How batches reach the model: all of them, once, in their order, however many threads make them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras")

import keras

from training.augment import Augmentation
from training.batches import EpochBatches, ahead, feed


def epoch(workers: int = 1) -> Any:
    rng = np.random.default_rng(1)
    targets = {"fer2013": np.eye(7, dtype=np.float32)[rng.integers(0, 7, 50)]}
    batches = EpochBatches(
        rng.integers(0, 256, (50, 48, 48), np.uint8), targets, Augmentation(), batch_size=4, seed=3, epoch=0
    )
    batches.workers = workers
    return batches


@pytest.mark.parametrize("workers", [1, 3])
def test_batches_made_ahead_come_once_and_in_their_order(workers: int) -> None:
    batches = epoch(workers)
    made = list(ahead(batches))
    assert len(made) == len(batches) == 12
    for number, (pictures, targets) in enumerate(made):
        assert np.array_equal(pictures, batches[number][0])
        assert np.array_equal(targets["fer2013"], batches[number][1]["fer2013"])


def test_what_breaks_while_a_batch_is_made_breaks_the_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Any, number: int) -> Any:
        raise ValueError(f"batch {number}")

    monkeypatch.setattr(EpochBatches, "__getitem__", broken)
    with pytest.raises(ValueError, match="batch 0"):
        list(ahead(epoch()))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="other backends take the batches themselves")
def test_tensorflow_is_fed_the_same_batches_without_a_tuner_to_wait_for() -> None:
    batches = epoch()
    data = feed(batches)
    assert not data.options().autotune.enabled
    assert int(data.cardinality()) == len(batches)
    for number, (pictures, targets) in enumerate(data.as_numpy_iterator()):
        assert np.array_equal(pictures, batches[number][0])
        assert np.array_equal(targets["fer2013"], batches[number][1]["fer2013"])
