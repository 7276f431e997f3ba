"""Where frames come from. One backend a file; the file's name is the value of `source.kind`.

A backend module has two functions:

    open_source(config: SourceConfig) -> Source    raises SourceError with one line that names what is missing
    find(config: SourceConfig) -> str | None       what `auto` would open (a device, a camera), None if nothing:
                                                   quick, and no camera is opened for it

A new source is a new file and a line in KINDS.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from edge.config import SourceConfig, SourceKind
    from edge.messages import Frame

KINDS: tuple[SourceKind, ...] = ("picamera", "v4l2", "stream", "video", "images", "demo")
AUTO_ORDER: tuple[SourceKind, ...] = ("picamera", "v4l2", "demo")


class Source(Protocol):
    """Frames, the newest first: late is worse than lost.

    name: for people, e.g. "demo" or "/dev/video0 (HD Webcam)".
    live: True if the world goes on while nobody reads (a camera); a file waits.
    dropped: frames that the source captured and nobody read, so far.
    """

    name: str
    live: bool

    @property
    def dropped(self) -> int: ...

    def __iter__(self) -> Iterator[Frame]:
        """Frames until the source ends (never, for a camera). Raises SourceError if it is lost on the way."""
        ...

    def close(self) -> bool:
        """Let go of the device or file; may be called twice and from another thread.

        True once that is done; False if a driver has not answered yet: ask again.
        """
        ...


def backend(kind: str) -> ModuleType:
    """The module of a source kind, imported on demand: OpenCV's video part and picamera2 load slowly."""
    return importlib.import_module(f"edge.sources.{kind}")


def choose(config: SourceConfig) -> SourceKind:
    """The kind to open: the configured one or, for `auto`, the first that finds something."""
    if config.kind != "auto":
        return config.kind
    return next(kind for kind in AUTO_ORDER if backend(kind).find(config) is not None)


def open_source(config: SourceConfig) -> Source:
    """The configured source, open. Raises SourceError."""
    source: Source = backend(choose(config)).open_source(config)
    if config.rotate == 0 and not config.mirror:
        return source
    from edge.sources.orient import Oriented

    return Oriented(source, config)
