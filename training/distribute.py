"""One training on several machines: Keras' data parallelism on JAX.

Every worker computes an equal part of each batch; losses, gradients and BatchNorm's statistics are of the whole
batch, as if one machine had computed it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import keras
from msgspec import Struct

from edge.errors import ConfigError, SourceError

ADDRESS = re.compile(r"[^\s:,]+:\d{1,5}")
PLACE = re.compile(r"(\d{1,4})/(\d{1,4})")


class Worker(Struct, frozen=True):
    """One of `count` processes that train together; number 0 writes the results."""

    number: int = 0
    count: int = 1

    def part(self, size: int) -> slice:
        """Its part of a batch of so many rows, in order: the batch of all is as one process would have it."""
        share = size // self.count
        return slice(self.number * share, (self.number + 1) * share)


ALONE = Worker()


def worker_of(address: str, place: str, batch_size: int) -> Worker:
    """What --distribute HOST:PORT --worker K/N means, K from 1. Raises ConfigError."""
    if not ADDRESS.fullmatch(address):
        raise ConfigError(f"--distribute {address}: must be HOST:PORT, of the first worker")
    found = PLACE.fullmatch(place)
    number, count = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= number <= count:
        raise ConfigError(f"--worker {place}: must be K/N, K from 1 to N")
    if batch_size % count:
        raise ConfigError(f"train.batch_size = {batch_size}: must be a multiple of the {count} workers")
    if keras.backend.backend() != "jax":
        raise ConfigError(
            f"--distribute: works on JAX, and Keras runs on {keras.backend.backend()}: KERAS_BACKEND=jax"
        )
    return Worker(number - 1, count)


def join(worker: Worker, address: str, seed: int) -> None:
    """Wait for the others; models built from here on are shared. Raises SourceError if they do not come."""
    keras.utils.set_random_seed(seed)  # else Keras draws one that all must agree on first
    try:
        keras.distribution.initialize(address, worker.count, worker.number)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise SourceError(
            f"--distribute {address}: the {worker.count} workers do not find together: {reason}"
        ) from error
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))


@contextlib.contextmanager
def undistributed() -> Iterator[None]:
    """What is built and computed inside is this process' own."""
    shared = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(shared)
