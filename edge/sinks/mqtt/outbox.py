"""What waits for the broker: events in a bounded queue, of everything retained the newest alone.

The pipeline's thread puts in, whoever drains takes out; both are held for microseconds under one lock.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.sinks.mqtt.topics import Message

IN_FLIGHT = 16
"""Handed over and not yet confirmed, at most (paho's own limit is 20): a broker that stalls fills our queue, whose
oldest give way, and no buffer that grows."""


class Outbox:
    """dropped: how many events had to give way to newer ones."""

    def __init__(self, events: int) -> None:
        self.dropped = 0
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._most = events
        self._events: deque[Message] = deque()
        self._newest: dict[str, Message] = {}
        self._in_flight: dict[int, Message | None] = {}  # None: sent, and not to be sent again

    def put(self, message: Message) -> int:
        """How many older ones gave way: 1 if the queue was full, else 0."""
        with self._lock:
            if message.retain:
                self._newest[message.topic] = message
                return 0
            gave_way = int(len(self._events) >= self._most)
            if gave_way:
                self._events.popleft()
                self.dropped += 1
            self._events.append(message)
            return gave_way

    def forget(self) -> None:
        """Nothing that waits is ever sent, and nothing that is under way sent again."""
        with self._lock:
            self._events.clear()
            self._newest.clear()
            # What has no QoS is never sent again.
            self._in_flight = {
                number: None for number, message in self._in_flight.items() if message is None or message.qos
            }

    @property
    def waiting(self) -> int:
        """How many events wait or are under way."""
        with self._lock:
            return len(self._events) + len(self._in_flight)

    def take(self) -> Message | None:
        """The next to send; None if nothing waits or enough is under way. `sent` or `put_back` must follow."""
        with self._lock:
            topic = self._topic_to_send()
            if topic is None:
                return None
            return self._newest.pop(topic) if topic in self._newest else self._events.popleft()

    def _topic_to_send(self) -> str | None:
        if len(self._in_flight) >= IN_FLIGHT:
            return None
        under_way = {message.topic for message in self._in_flight.values() if message and message.retain}
        for topic in self._newest:
            if topic not in under_way:
                return topic
        return self._events[0].topic if self._events else None

    def sent(self, number: int, message: Message) -> None:
        """number: by which `confirmed` will name it."""
        with self._lock:
            self._in_flight[number] = message
            self._changed.notify_all()

    def put_back(self, message: Message) -> None:
        """It could not be sent after all."""
        with self._lock:
            self._wait_again(message)

    def _wait_again(self, message: Message) -> None:
        if message.retain:
            self._newest.setdefault(message.topic, message)
        else:
            self._events.appendleft(message)

    @property
    def unwanted(self) -> bool:
        """Whether something under way is not to be sent again."""
        with self._lock:
            return None in self._in_flight.values()

    def again(self, number: int) -> None:
        """It was lost on its way: it is next, unless it was forgotten meanwhile."""
        with self._lock:
            if message := self._in_flight.pop(number, None):
                self._wait_again(message)
            self._changed.notify_all()

    def confirmed(self, number: int) -> None:
        """The broker has it."""
        with self._lock:
            self._in_flight.pop(number, None)
            self._changed.notify_all()

    def written(self) -> None:
        """All that was sent is with the network, or the connection is lost: nothing will confirm what has no QoS.

        The rest the broker will confirm, after the client has sent it again if need be.
        """
        with self._lock:
            self._in_flight = {
                number: message for number, message in self._in_flight.items() if message is None or message.qos
            }
            self._changed.notify_all()

    def wait_empty(self, timeout_s: float) -> bool:
        """True as soon as everything is confirmed, False at the timeout."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not (self._events or self._newest or self._in_flight), timeout=timeout_s
            )
