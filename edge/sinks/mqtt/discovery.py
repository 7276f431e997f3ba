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
from edge.sinks.mqtt.topics import OFF, OFFLINE, ON, ONLINE, PRESS, Message

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


def discovery_message(config: Config, topics: Topics, *, restarts: bool) -> Message:
    """The announcement as it goes out; asks the board for its name and whether it has a thermometer."""
    thermometer = board.temperature_celsius() is not None
    payload = describe(config, topics, model=board.model(), thermometer=thermometer, restarts=restarts)
    return Message(discovery_topic(config, topics), msgspec.json.encode(payload), 1, retain=True)


def describe(
    config: Config, topics: Topics, *, model: str | None, thermometer: bool, restarts: bool = False
) -> dict[str, Any]:
    """The announcement. model: the board's name, where it has one. restarts: somebody starts us again."""
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
        }
        | controls(topics, restarts=restarts),
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
    found["latency"] = {
        "name": "Latency",
        "entity_category": "diagnostic",
        "device_class": "duration",
        "state_class": "measurement",
        "unit_of_measurement": "ms",
        "suggested_display_precision": 0,
        "value_template": "{{ value_json.latency_ms }}",
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


def controls(topics: Topics, *, restarts: bool) -> dict[str, dict[str, Any]]:
    """What can be turned and pressed, by key. They are there while the device is, whatever the camera does."""
    found: dict[str, dict[str, Any]] = {
        "privacy": {
            "platform": "switch",
            "name": "Privacy",
            "icon": "mdi:camera-off",
            "state_topic": topics.privacy,
            "command_topic": topics.privacy_set,
            "payload_on": ON.decode(),
            "payload_off": OFF.decode(),
            "qos": 1,
            "retain": False,
        }
    }
    if restarts:
        found["restart"] = {
            "platform": "button",
            "name": "Restart",
            "device_class": "restart",
            "entity_category": "config",
            "command_topic": topics.restart,
            "payload_press": PRESS.decode(),
            "qos": 1,
            "retain": False,
        }
    for key, control in found.items():
        control["unique_id"] = f"{topics.id}-{key}"
        control["default_entity_id"] = f"{control['platform']}.{topics.id}_{key}".replace("-", "_")
    return found
