"""Batches for Keras' fit.

Each is a function of seed, epoch and number alone, so that a resumed run sees what it would have seen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from training.augment import Augmentation, augment, mix
from training.distribute import ALONE, Worker

Batch = tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]


class EpochBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """One epoch of changed training faces, made by a thread while the model computes.

    Every epoch has the same number of full batches; the few faces left over come in another one.
    worker: makes its part of each batch only.
    """

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        targets: dict[str, NDArray[np.float32]],
        how: Augmentation,
        *,
        batch_size: int,
        seed: int,
        epoch: int,
        worker: Worker = ALONE,
    ) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        self._pixels, self._targets, self._how = pixels, targets, how
        self._batch_size = min(batch_size, len(pixels))
        self._worker, self._key = worker, (seed, epoch)
        self._order = np.random.default_rng(self._key).permutation(len(pixels))

    def __len__(self) -> int:
        return len(self._pixels) // self._batch_size

    def __getitem__(self, number: int) -> Batch:
        rows = self._order[number * self._batch_size : (number + 1) * self._batch_size]
        # Alone the key has no worker in it: that is what runs of before there were any were made from.
        parted = (self._worker.number,) if self._worker.count > 1 else ()
        rng = np.random.default_rng((*self._key, number, *parted))
        rows = rows[self._worker.part(len(rows))]
        pictures = augment(self._pixels[rows], self._how, rng)
        targets = {name: array[rows] for name, array in self._targets.items()}
        return mix(pictures, targets, self._how, rng)


def feed(batches: Any) -> Any:
    """The same batches, as Keras' fit takes them fastest.

    batches: a PyDataset. TensorFlow would make a tf.data pipeline of it that tunes itself, and an epoch's end would
    wait for the tuner to wake up: up to a minute in which nothing is computed, half the time of a short epoch.
    """
    if keras.backend.backend() != "tensorflow":
        return batches
    import tensorflow as tf

    shapes = keras.tree.map_structure(
        lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype.name), batches[0]
    )
    data = tf.data.Dataset.from_generator(lambda: ahead(batches), output_signature=shapes)
    options = tf.data.Options()
    options.autotune.enabled = False
    return data.apply(tf.data.experimental.assert_cardinality(len(batches))).prefetch(1).with_options(options)


def ahead(batches: Any) -> Iterator[Any]:
    """A PyDataset's batches in their order, made by as many threads as it has workers."""
    waiting: deque[Future[Any]] = deque()
    with ThreadPoolExecutor(batches.workers) as pool:
        for number in range(len(batches)):
            waiting.append(pool.submit(batches.__getitem__, number))
            if len(waiting) > batches.max_queue_size:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def scores_of(model: Any, pixels: NDArray[np.uint8], batch_size: int = 256) -> dict[str, NDArray[np.float32]]:
    """A model's outputs for faces as they are, by head."""
    parts: dict[str, list[NDArray[np.float32]]] = {}
    for start in range(0, len(pixels), batch_size):
        pictures = pixels[start : start + batch_size, ..., np.newaxis].astype(np.float32) / 255
        for name, output in model.predict_on_batch(pictures).items():
            parts.setdefault(name, []).append(np.asarray(output, np.float32))
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}
