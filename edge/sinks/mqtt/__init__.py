"""Events and state for an MQTT broker, and through it for Home Assistant. docs/MQTT.md describes the topics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from edge.core import Waiting
from edge.messages import Phase, State
from edge.sinks.mqtt.commands import Commands, is_supervised
from edge.sinks.mqtt.connection import Connection
from edge.sinks.mqtt.discovery import discovery_message, status_topic
from edge.sinks.mqtt.outbox import Outbox
from edge.sinks.mqtt.summary import Summarizer
from edge.sinks.mqtt.topics import Message, topics_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from edge.config import Config
    from edge.core import Core
    from edge.messages import Event, Reading


class MqttSink:
    """Publishes to a broker, which may come and go.

    Raises SinkError if the settings cannot be right (a password or certificate that cannot be read).
    """

    def __init__(self, config: Config, core: Core) -> None:
        self._config = config.mqtt
        self._topics = topics_of(config)
        self._encoder = msgspec.json.Encoder()
        self._summarizer = Summarizer(stages=core.stages)
        self._outbox = Outbox(config.mqtt.queue_events)
        commands = Commands(core, self._topics, self._say)
        announcement = (
            [discovery_message(config, self._topics, restarts=is_supervised())] if config.mqtt.discovery else []
        )
        self._connection = Connection(
            config.mqtt,
            self._topics,
            self._outbox,
            greet=lambda: [*announcement, commands.privacy()],
            greet_on=status_topic(config) if config.mqtt.discovery else "",
            commands=commands.by_topic,
        )
        self._privacy = commands.privacy
        self._connection.start()
        self._leave = core.join(
            self._switched,
            queue="mqtt",
            waiting=lambda: Waiting(self._outbox.waiting, config.mqtt.queue_events, self._outbox.dropped),
        )

    def _switched(self, on: bool) -> None:  # noqa: FBT001  (the privacy switch calls it so)
        """What waits says what the camera saw: it goes out no more."""
        if on:
            self._outbox.forget()
        self._say(self._privacy())

    def _say(self, message: Message) -> None:
        self._outbox.put(message)
        self._connection.wake()

    @property
    def dropped(self) -> int:
        """How many events gave way to newer ones."""
        return self._outbox.dropped

    def publish(self, reading: Reading) -> None:
        if not reading.events:
            return
        self._send(self._messages(reading))

    def tell(self, events: Sequence[Event]) -> None:
        self._send(self._told(events))

    def _told(self, events: Sequence[Event]) -> Iterator[Message]:
        for event in events:
            yield self._message(event)
            if isinstance(event, State) and event.phase != Phase.RUNNING:
                summary = self._encoder.encode(self._summarizer.without_frames(event))
                yield Message(self._topics.summary, summary, self._config.state_qos, retain=True)

    def _send(self, messages: Iterable[Message]) -> None:
        self._connection.check()
        for message in messages:
            if self._outbox.put(message):
                self._connection.queue_is_full()
        self._connection.wake()

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
        self._leave()
        self._connection.close()
