"""TensorFlow without its chatter."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator

TENSORFLOW = {
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",  # other sums, and so other bytes, on another machine
    "CUDA_VISIBLE_DEVICES": "-1",
}


def prepare_tensorflow() -> None:
    """Settings that must stand before TensorFlow is first imported; one that the user made stays."""
    for name, value in TENSORFLOW.items():
        os.environ.setdefault(name, value)


@contextlib.contextmanager
def quiet(*, verbose: bool = False) -> Iterator[None]:
    """Nothing that the body prints reaches the terminal, from C++ neither; with verbose everything does."""
    prepare_tensorflow()
    if verbose:
        yield
        return
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with tempfile.TemporaryFile("w+") as sink, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            os.dup2(sink.fileno(), 1)
            os.dup2(sink.fileno(), 2)
            # Python's own streams need not be descriptors 1 and 2.
            with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
                yield
        finally:
            os.dup2(kept[0], 1)
            os.dup2(kept[1], 2)
            for descriptor in kept:
                os.close(descriptor)
