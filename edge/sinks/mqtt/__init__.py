"""Events and state for an MQTT broker, and through it for Home Assistant. docs/MQTT.md describes the topics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from edge.messages import State
from edge.sinks.mqtt.connection import Connection
from edge.sinks.mqtt.discovery import discovery_message, status_topic
from edge.sinks.mqtt.outbox import Outbox
from edge.sinks.mqtt.summary import Summarizer
from edge.sinks.mqtt.topics import Message, topics_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from edge.config import Config
    from edge.messages import Event, Reading


class MqttSink:
    """Publishes to a broker, which may come and go.

    Raises SinkError if the settings cannot be right (a password or certificate that cannot be read).
    """

    def __init__(self, config: Config) -> None:
        self._config = config.mqtt
        self._topics = topics_of(config)
        self._encoder = msgspec.json.Encoder()
        self._summarizer = Summarizer()
        self._outbox = Outbox(config.mqtt.queue_events)
        greeting = discovery_message(config, self._topics) if config.mqtt.discovery else None
        self._connection = Connection(config.mqtt, self._topics, self._outbox, greeting, status_topic(config))

    @property
    def dropped(self) -> int:
        """How many events gave way to newer ones."""
        return self._outbox.dropped

    def publish(self, reading: Reading) -> None:
        if not reading.events:
            return
        self._send(self._messages(reading))

    def tell(self, events: Sequence[Event]) -> None:
        self._send(self._message(event) for event in events)

    def _send(self, messages: Iterable[Message]) -> None:
        for message in messages:
            if self._outbox.put(message):
                self._connection.queue_is_full()
        self._connection.drain()

    def _messages(self, reading: Reading) -> Iterator[Message]:
        yield from (self._message(event) for event in reading.events)
        summary = self._encoder.encode(self._summarizer.summarize(reading))
        yield Message(self._topics.summary, summary, self._config.state_qos, retain=True)

    def _message(self, event: Event) -> Message:
        payload = self._encoder.encode(event)
        if isinstance(event, State):
            return Message(self._topics.state, payload, self._config.state_qos, retain=True)
        kind = event.__struct_config__.tag
        assert isinstance(kind, str)
        return Message(self._topics.event(kind), payload, self._config.event_qos)

    def close(self) -> None:
        self._connection.close()
