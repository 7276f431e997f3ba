"""Flow and automations name topics, entities and values that Mien really publishes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from edge.config import Config, MqttConfig, SourceConfig
from edge.messages import EmotionChanged
from edge.model.labels import FERPLUS, UNCERTAIN
from edge.sinks.mqtt.discovery import describe
from edge.sinks.mqtt.topics import OFF, ON, topics_of

CONFIG = Config(source=SourceConfig(camera="camera"), mqtt=MqttConfig(device="raspberrypi"))
TOPICS = topics_of(CONFIG)
EMOTIONS = {*FERPLUS, UNCERTAIN}


@pytest.fixture(scope="module")
def flow(examples: Path) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = json.loads((examples / "node-red.json").read_text())
    return nodes


@pytest.fixture(scope="module")
def automations(examples: Path) -> list[dict[str, Any]]:
    yaml = pytest.importorskip("yaml")
    found: list[dict[str, Any]] = yaml.safe_load((examples / "home-assistant.yaml").read_text())
    return found


def matches(pattern: str, topic: str) -> bool:
    """As a broker compares them; + is one level."""
    return re.fullmatch(pattern.replace("+", "[^/]+"), topic) is not None


def test_the_flow_is_whole(flow: list[dict[str, Any]]) -> None:
    known = {node["id"] for node in flow}
    assert len(known) == len(flow)
    tabs = {node["id"] for node in flow if node["type"] == "tab"}
    for node in flow:
        assert {target for wire in node.get("wires", []) for target in wire} <= known
        assert node.get("broker", "localhost") in known | {"localhost"}
        assert node["type"] in {"tab", "mqtt-broker"} or node["z"] in tabs
        if node["type"] == "switch":
            assert len(node["rules"]) == node["outputs"] == len(node["wires"])


def test_the_flow_listens_and_speaks_where_mien_does(flow: list[dict[str, Any]]) -> None:
    heard = [node["topic"] for node in flow if node["type"] == "mqtt in"]
    kind = str(EmotionChanged.__struct_config__.tag)
    assert [matches(topic, TOPICS.event(kind)) for topic in heard] == [True]
    said = [node for node in flow if node["type"] == "mqtt out"]
    assert [(node["topic"], node["retain"]) for node in said] == [(TOPICS.privacy_set, "false")]
    assert {node["payload"] for node in flow if node["type"] == "inject"} == {ON.decode(), OFF.decode()}


def test_the_flow_asks_for_fields_and_emotions_that_there_are(flow: list[dict[str, Any]]) -> None:
    for node in flow:
        words = re.findall(r"payload\.(\w+)", f"{node.get('property', '')} {node.get('template', '')}")
        assert set(words) <= set(EmotionChanged.__struct_fields__)
        assert {rule["v"] for rule in node.get("rules", []) if rule["t"] == "eq"} <= EMOTIONS


def entities() -> dict[str, dict[str, Any]]:
    """What Home Assistant is told, by entity id."""
    announced = describe(CONFIG, TOPICS, model=None, thermometer=True, restarts=True)
    return {entity["default_entity_id"]: entity for entity in announced["cmps"].values()}


def values(tree: Any, key: str) -> list[Any]:
    """Every value under a key, however deep."""
    if isinstance(tree, list):
        return [found for branch in tree for found in values(branch, key)]
    if not isinstance(tree, dict):
        return []
    return [tree[key], *values(list(tree.values()), key)] if key in tree else values(list(tree.values()), key)


def test_the_automations_name_entities_that_are_announced(automations: list[dict[str, Any]]) -> None:
    ours = [name for name in values(automations, "entity_id") if ".mien_" in name]
    assert ours
    assert set(ours) <= set(entities())
    switched = [
        action for each in automations for action in each["actions"] if action["action"].startswith("switch.")
    ]
    assert [entities()[action["target"]["entity_id"]]["platform"] for action in switched] == ["switch"]


def test_the_automations_wait_for_states_that_an_entity_can_have(automations: list[dict[str, Any]]) -> None:
    waits = [trigger for each in automations for trigger in each["triggers"] if trigger["trigger"] == "state"]
    assert waits
    for trigger in waits:
        assert trigger["to"] in entities()[trigger["entity_id"]]["options"]


def test_every_automation_has_what_home_assistant_asks_for(automations: list[dict[str, Any]]) -> None:
    assert len({each["id"] for each in automations}) == len(automations)
    for each in automations:
        assert set(each) == {"id", "alias", "mode", "triggers", "conditions", "actions"}
        assert each["mode"] in {"single", "restart", "queued", "parallel"}
        assert all(re.fullmatch(r"[a-z_]+\.[a-z_]+", action["action"]) for action in each["actions"])
