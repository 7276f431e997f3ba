"""Where readings go. One sink a file (or folder); each is switched on by its own section of the config.

A new sink is a new file, its section in edge/config.py, and a line in open_sinks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.config import Config
    from edge.core import Core
    from edge.messages import Event, Reading


class Sink(Protocol):
    """Takes every reading; a sink that talks to a network has a thread and a bounded queue behind it."""

    def publish(self, reading: Reading) -> None:
        """Must not block the loop. Raises SinkError if publishing failed for good."""
        ...

    def tell(self, events: Sequence[Event]) -> None:
        """Events that no frame brought: the phase changed, faces are given up. As `publish` in all else."""
        ...

    def close(self) -> None:
        """Finish what was taken, then let go; may be called twice."""
        ...


def open_sinks(config: Config, core: Core) -> list[Sink]:
    """The sinks that the config switches on, ready. Raises SinkError and then leaves none open.

    core: what the loop says of itself, and the privacy switch.
    """
    sinks: list[Sink] = []
    try:
        if config.jsonl.stdout or config.jsonl.file:
            from edge.sinks.jsonl import JsonlSink

            sinks.append(JsonlSink(config.jsonl))
        if config.web.enabled:
            # The web stack is only loaded where it is used.
            from edge.sinks.web import WebSink

            sinks.append(WebSink(config, core))
        if config.history.enabled:
            from edge.sinks.history import HistorySink

            sinks.append(HistorySink(config, core=core))
        if config.mqtt.enabled:
            from edge.sinks.mqtt import MqttSink

            sinks.append(MqttSink(config, core))
    except BaseException:
        for sink in sinks:
            sink.close()
        raise
    return sinks
