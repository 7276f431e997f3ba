"""Files that are either whole or not there."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import SinkError


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to; the file takes its place when the block ends, and is removed if it fails.

    The folder is made where it is missing, and the file is on the disk before it gets its name. Raises SinkError
    for an OSError in the block; what stood there before then still stands.
    """
    unfinished = path.with_name(f"unfinished-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        with suppress(OSError):  # where a folder could not be made, there is nothing to remove
            unfinished.unlink()
        raise SinkError(f"{path}: cannot be written: {error.strerror or error}") from error


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], *, compressed: bool = False) -> None:
    """An npz file, all or nothing. Raises SinkError if the disk will not take it."""
    made = io.BytesIO()
    # A zip archive whose file takes no more fails again when it is collected, where nobody can catch it.
    (np.savez_compressed if compressed else np.savez)(made, **dict(arrays))
    write_bytes(path, made.getbuffer())


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """A file of these bytes, all or nothing. Raises SinkError if the disk will not take it."""
    with written_whole(path) as unfinished:
        unfinished.write_bytes(content)
