"""The way to the broker: what is said on it, and what its answers mean. network.py has the thread that carries it.

No lock of ours is held while paho is called, for it calls us back with its own locks held.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from edge.errors import SinkError
from edge.sinks.mqtt.access import check_host, read_password, reason_of, tls_context
from edge.sinks.mqtt.network import Network
from edge.sinks.mqtt.topics import OFFLINE, ONLINE, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from paho.mqtt.client import ConnectFlags, DisconnectFlags, MQTTMessage
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

    from edge.config import MqttConfig
    from edge.sinks.mqtt.outbox import Outbox
    from edge.sinks.mqtt.topics import Topics

log = logging.getLogger("mien.mqtt")

GOODBYE_S = 1.0
STEADY_S = 60.0
"""After a connection that held for so long, a complaint heard before is worth a line again."""
FULL = "the queue is full: the oldest events give way"


class Connection:
    """Empties an outbox into a broker whenever there is one.

    greet: called at every connection, and again whenever `greet_on` says "online", for what is then to be said.
    commands: what to do with a message on a topic; one that the broker kept is no command, whatever it says.
    Raises SinkError if the settings cannot be right; a broker that is not there is no error.
    """

    def __init__(
        self,
        config: MqttConfig,
        topics: Topics,
        outbox: Outbox,
        *,
        greet: Callable[[], list[Message]] = list,
        greet_on: str = "",
        commands: Mapping[str, Callable[[bytes], None]] | None = None,
    ) -> None:
        check_host(config)
        password, context = read_password(config), tls_context(config)
        self.place = f"{config.host}:{config.port}"
        self._availability = topics.availability
        self._outbox = outbox
        self._greet = greet
        self._greet_on = greet_on
        self._commands = commands or {}
        self._gone = threading.Event()
        self._ready, self._ready_since_s = False, 0.0
        self._refused = False
        self._closing = False
        self._said_goodbye = False
        self._online_number = -1
        self._told: set[str] = set()
        self._announce, self._dropped_before = True, 0
        # A name that stays the same: after a crash the broker drops the old connection, and its last will comes
        # before our "online", not after it.
        self._client = client = Client(CallbackAPIVersion.VERSION2, client_id=topics.id)
        client.will_set(self._availability, OFFLINE, qos=1, retain=True)
        if config.username:
            client.username_pw_set(config.username, password)
        if context:
            client.tls_set_context(context)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.connect_async(config.host, config.port, config.keepalive_s)
        self._network = Network(
            client, config.keepalive_s, send=self._drain, written=outbox.written, lost=self._not_connected
        )

    def start(self) -> None:
        """From now on there are calls from the network's thread."""
        self._network.start()

    def check(self) -> None:
        """Raises SinkError if nothing will ever be sent any more."""
        if self._network.ended and not self._closing:
            raise SinkError(f"mqtt: nothing more is published to {self.place}")

    def wake(self) -> None:
        """Hand over what waits, as soon as it may go."""
        if self._ready:
            self._network.wake()

    def queue_is_full(self) -> None:
        """Say so, once until the next connection."""
        self._complain(FULL)

    def close(self) -> None:
        """Send what waits and say goodbye, in a second at most."""
        if self._closing:
            return
        until_s = time.monotonic() + GOODBYE_S
        self._network.wake()
        if self._ready:
            self._outbox.wait_empty(GOODBYE_S)
        connected = self._client.is_connected()
        self._closing = True
        self._network.finish()
        if connected:
            self._gone.wait(max(0.1, until_s - time.monotonic()))
        self._network.end()

    # From here on in the network's thread.

    def _drain(self) -> None:
        if self._closing:
            self._say_goodbye()
            return
        while self._ready and (message := self._outbox.take()):
            if not self._send(message):
                return  # the next connection brings us back

    def _say_goodbye(self) -> None:
        if not self._said_goodbye:
            self._said_goodbye = True
            if self._client.is_connected():
                self._client.publish(self._availability, OFFLINE, qos=1, retain=True)
            self._client.disconnect()  # behind what is on its way

    def _send(self, message: Message) -> bool:
        info = self._client.publish(message.topic, message.payload, message.qos, message.retain)
        # Without a connection paho keeps what has a QoS and sends it at the next one.
        kept = info.rc == MQTTErrorCode.MQTT_ERR_NO_CONN and message.qos > 0
        if kept or info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._outbox.sent(info.mid, message)
            return True
        self._outbox.put_back(message)
        return False

    def _on_connect(
        self, client: Client, _data: Any, _flags: ConnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        if reason.is_failure:
            self._refused = True
            self._complain(f"refuses us: {reason} (see mqtt.username and mqtt.password_file)")
            return
        self._network.connected()
        if self._closing:
            return  # with a goodbye instead
        self._gone.clear()
        self._outbox.written()
        if self._outbox.unwanted:
            # Else paho would send again what the camera saw before privacy was turned on.
            for lost in reversed(client.drop_out_messages()):
                self._outbox.again(lost.mid)
        # paho sends this and then, again, what the last connection left unconfirmed. Only the confirmation of this
        # opens the outbox, so that events keep their order.
        self._online_number = client.publish(self._availability, ONLINE, qos=1, retain=True).mid
        self._say_hello()
        topics = [*self._commands, *([self._greet_on] if self._greet_on else [])]
        if topics:
            client.subscribe([(topic, 1) for topic in topics])

    def _say_hello(self) -> None:
        for message in self._greet():
            self._outbox.put(message)

    def _on_publish(
        self, _client: Client, _data: Any, number: int, _reason: ReasonCode, _more: Properties | None
    ) -> None:
        if number == self._online_number and not self._ready:
            self._begin()
        else:
            self._outbox.confirmed(number)

    def _begin(self) -> None:
        self._ready, self._ready_since_s = True, time.monotonic()
        self._told.discard(FULL)
        dropped = self._outbox.dropped
        if self._announce:
            lost = f"; {dropped - self._dropped_before} events gave way" if dropped > self._dropped_before else ""
            log.info("mqtt: connected to %s%s", self.place, lost)
        self._announce, self._dropped_before = False, dropped

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        if message.topic == self._greet_on:
            if message.payload == ONLINE:
                self._say_hello()
        elif message.retain:
            # Else every new connection would undo what somebody switched since.
            self._complain(f"{message.topic}: a retained command is not obeyed: clear it")
        elif act := self._commands.get(message.topic):
            act(bytes(message.payload))

    def _not_connected(self, error: Exception) -> None:
        self._complain(f"no connection yet: {reason_of(error)}")

    def _on_disconnect(
        self, _client: Client, _data: Any, _flags: DisconnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        was_ready, self._ready = self._ready, False
        refused, self._refused = self._refused, False
        self._outbox.written()
        self._gone.set()
        if was_ready and time.monotonic() - self._ready_since_s >= STEADY_S:
            self._told.clear()
        if was_ready:
            self._complain(f"connection lost: {reason}")
        elif not refused:
            self._complain("no connection yet: closed without an answer (see mqtt.tls and mqtt.port)")

    def _complain(self, complaint: str) -> None:
        """Each complaint is one line, however often it is repeated."""
        if complaint not in self._told and not self._closing:
            log.warning("mqtt: %s: %s", self.place, complaint)
            self._told.add(complaint)
            self._announce = True
