"""Files that are either whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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
