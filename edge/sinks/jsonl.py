"""Events as JSON lines, on standard output and in a file."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from edge.errors import SinkError

if TYPE_CHECKING:
    from edge.config import JsonlConfig
    from edge.messages import Reading


class JsonlSink:
    """Writes each event as one line as it happens.

    Raises SinkError if the file cannot be opened or written, or the reader of standard output has gone.
    """

    def __init__(self, config: JsonlConfig) -> None:
        self._encoder = msgspec.json.Encoder()
        self._outputs: list[tuple[str, BinaryIO]] = []
        if config.stdout:
            self._outputs.append(("standard output", sys.stdout.buffer))
        if config.file:
            try:
                # Unbuffered append: a line is written by one call, so a power cut loses whole lines, not halves.
                self._outputs.append((config.file, open(config.file, "ab", buffering=0)))  # noqa: PTH123, SIM115
            except OSError as error:
                raise SinkError(f"jsonl.file = {config.file}: cannot be written: {error.strerror}") from error

    def publish(self, reading: Reading) -> None:
        if not reading.events:
            return
        lines = b"".join(self._encoder.encode(event) + b"\n" for event in reading.events)
        for name, output in self._outputs:
            try:
                output.write(lines)
                output.flush()
            except OSError as error:
                raise SinkError(f"{name}: cannot be written: {error.strerror}") from error

    def close(self) -> None:
        for _, output in self._outputs:
            if output is not sys.stdout.buffer:
                output.close()
                continue
            try:
                output.flush()
            except BrokenPipeError:
                # Python would complain at exit, when it flushes what the reader no longer takes.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        self._outputs.clear()
