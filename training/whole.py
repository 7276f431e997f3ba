"""Files that are either whole or not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import SinkError


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to; the file takes its place when the block ends, and is removed if it fails.

    The folder is made where it is missing. Raises SinkError for an OSError in the block; what stood there before
    then still stands.
    """
    unfinished = path.with_name(f"unfinished-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise SinkError(f"{path}: cannot be written: {error.strerror or error}") from error
