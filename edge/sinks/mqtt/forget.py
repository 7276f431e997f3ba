"""Removes a device: an empty retained message clears what the broker keeps of a topic."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from edge.errors import SinkError
from edge.sinks.mqtt.access import check_host, read_password, reason_of, tls_context
from edge.sinks.mqtt.discovery import discovery_topic
from edge.sinks.mqtt.topics import topics_of

if TYPE_CHECKING:
    from paho.mqtt.client import ConnectFlags
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

    from edge.config import Config

PATIENCE_S = 10.0


def forget_device(config: Config) -> list[str]:
    """The topics that were cleared. Raises SinkError if there is no broker, or it does not let us in."""
    topics = topics_of(config)
    kept = [discovery_topic(config, topics), topics.availability, topics.state, topics.summary, topics.privacy]
    check_host(config.mqtt)
    password, context = read_password(config.mqtt), tls_context(config.mqtt)
    place = f"{config.mqtt.host}:{config.mqtt.port}"
    answered = threading.Event()
    refused: list[str] = []

    def on_connect(
        _client: Client, _data: Any, _flags: ConnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        if reason.is_failure:
            refused.append(str(reason))
        answered.set()

    client = Client(CallbackAPIVersion.VERSION2, client_id=f"{topics.id}-forget")
    client.on_connect = on_connect
    if config.mqtt.username:
        client.username_pw_set(config.mqtt.username, password)
    if context:
        client.tls_set_context(context)
    try:
        client.connect(config.mqtt.host, config.mqtt.port)
    except (OSError, ValueError) as error:
        raise SinkError(f"mqtt: {place}: no connection: {reason_of(error)}") from error
    client.loop_start()
    try:
        if not answered.wait(PATIENCE_S) or refused:
            raise SinkError(f"mqtt: {place}: {refused[0] if refused else 'no answer'}")
        for topic in kept:
            client.publish(topic, b"", qos=1, retain=True).wait_for_publish(PATIENCE_S)
    finally:
        client.disconnect()
        client.loop_stop()
    return kept
