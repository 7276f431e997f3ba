"""Events as JSON lines, on standard output and in a file."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import msgspec

from edge.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.config import JsonlConfig
    from edge.messages import Event, Reading


class JsonlSink:
    """Writes each event as one line as it happens.

    Raises SinkError if the file cannot be opened or written, BrokenPipeError if the reader of standard output has
    gone: then nobody listens, and the run ends as any program in a pipe does.
    """

    def __init__(self, config: JsonlConfig) -> None:
        self._encoder = msgspec.json.Encoder()
        self._stdout = sys.stdout.buffer if config.stdout else None
        self._path = config.file
        self._file: int | None = None
        if config.file:
            try:
                self._file = os.open(config.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise SinkError(f"jsonl.file = {config.file}: cannot be written: {error.strerror}") from error

    def publish(self, reading: Reading) -> None:
        if reading.events:
            self.tell(reading.events)

    def tell(self, events: Sequence[Event]) -> None:
        lines = b"".join(self._encoder.encode(event) + b"\n" for event in events)
        if self._file is not None:
            self._append(self._file, lines)
        if self._stdout is not None:
            self._stdout.write(lines)
            self._stdout.flush()

    def _append(self, file: int, lines: bytes) -> None:
        """All of the lines or none: half a line would spoil the file for whoever reads it."""
        written = 0
        try:
            written = os.write(file, lines)
            if written < len(lines):  # the disk is nearly full; ask once more to hear it from the system
                written += os.write(file, lines[written:])
        except OSError as error:
            if written:
                os.ftruncate(file, os.fstat(file).st_size - written)
            raise SinkError(f"{self._path}: cannot be written: {error.strerror}") from error

    def close(self) -> None:
        file, self._file, self._stdout = self._file, None, None
        if file is not None:
            os.close(file)
