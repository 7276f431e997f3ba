"""How Home Assistant learns of the device: one retained message that lists all its entities.

Source of the format: Home Assistant, "MQTT", section "Device discovery payload" (dev, o, cmps).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from edge import __version__, board
from edge.model.labels import FERPLUS, UNCERTAIN
from edge.sinks.mqtt.summary import NOBODY
from edge.sinks.mqtt.topics import OFFLINE, ONLINE, Message

if TYPE_CHECKING:
    from edge.config import Config
    from edge.sinks.mqtt.topics import Topics

SILENT_FOR, SILENT_MIN_S = 5, 10
"""Entities are unavailable after so many states that did not come: a camera that is gone shows no old emotion."""


def discovery_topic(config: Config, topics: Topics) -> str:
    return f"{config.mqtt.discovery_prefix}/device/{topics.id}/config"


def status_topic(config: Config) -> str:
    """Where Home Assistant says that it has started."""
    return f"{config.mqtt.discovery_prefix}/status"


def discovery_message(config: Config, topics: Topics) -> Message:
    """The announcement as it goes out; asks the board for its name and whether it has a thermometer."""
    payload = describe(config, topics, model=board.model(), thermometer=board.temperature_celsius() is not None)
    return Message(discovery_topic(config, topics), msgspec.json.encode(payload), 1, retain=True)


def describe(config: Config, topics: Topics, *, model: str | None, thermometer: bool) -> dict[str, Any]:
    """The announcement. model: the board's name, where it has one."""
    every_s = config.decide.state_every_s
    # Without regular states silence means nothing.
    expiry = {"expire_after": max(SILENT_MIN_S, math.ceil(SILENT_FOR * every_s))} if every_s else {}
    return {
        "dev": {
            "identifiers": [topics.id],
            "name": config.mqtt.device_name or f"Mien {topics.device} {topics.camera}",
            "manufacturer": "Mien",
            "model": model or "Emotion sensor",
            "sw_version": __version__,
        },
        "o": {"name": "Mien", "sw_version": __version__},
        "availability_topic": topics.availability,
        "payload_available": ONLINE.decode(),
        "payload_not_available": OFFLINE.decode(),
        "state_topic": topics.summary,
        "qos": config.mqtt.state_qos,
        "cmps": {
            key: {
                "platform": "sensor",
                "unique_id": f"{topics.id}-{key}",
                "default_entity_id": f"sensor.{topics.id}_{key}".replace("-", "_"),
                **sensor,
                **expiry,
            }
            for key, sensor in sensors(thermometer=thermometer).items()
        },
    }


def sensors(*, thermometer: bool) -> dict[str, dict[str, Any]]:
    """By key. A null in the summary becomes "None" in a template, which Home Assistant takes for unknown."""
    found: dict[str, dict[str, Any]] = {
        "emotion": {
            "name": "Emotion",
            "icon": "mdi:emoticon-outline",
            "device_class": "enum",
            "options": [*FERPLUS, UNCERTAIN, NOBODY],
            "value_template": "{{ value_json.emotion }}",
        },
        "score": {
            "name": "Score",
            "icon": "mdi:gauge",
            "state_class": "measurement",
            "suggested_display_precision": 2,
            "value_template": "{{ value_json.score }}",
        },
        "faces": {
            "name": "Faces",
            "icon": "mdi:account-group",
            "state_class": "measurement",
            "suggested_display_precision": 0,
            "value_template": "{{ value_json.faces }}",
        },
        "frame_rate": {
            "name": "Frame rate",
            "icon": "mdi:speedometer",
            "entity_category": "diagnostic",
            "state_class": "measurement",
            "unit_of_measurement": "fps",
            "suggested_display_precision": 1,
            "value_template": "{{ value_json.frames_per_s }}",
        },
    }
    if thermometer:
        found["temperature"] = {
            "name": "Temperature",
            "entity_category": "diagnostic",
            "device_class": "temperature",
            "state_class": "measurement",
            "unit_of_measurement": "°C",
            "suggested_display_precision": 0,
            "value_template": "{{ value_json.temperature_celsius }}",
        }
    return found
