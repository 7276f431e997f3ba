"""Home Assistant's own discovery schemas, of a real package `homeassistant`, on what Mien announces.

MIEN_HOME_ASSISTANT names a Python that has the package, where this one has not: check_home_assistant.py says how
one is made.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge.config import Config, MqttConfig
from edge.sinks.mqtt.discovery import describe
from edge.sinks.mqtt.topics import topics_of

CHECK = Path(__file__).with_name("check_home_assistant.py")
LATER = {"default_entity_id"}
"""What came into Home Assistant after 2025.4, and what that ignores."""
SHARED = {"state_topic"}
"""Of what all entities share, a button has no use for this."""


@pytest.fixture(scope="module")
def python() -> str:
    named = os.environ.get("MIEN_HOME_ASSISTANT", "")
    if not named and importlib.util.find_spec("homeassistant") is None:
        pytest.skip("no package homeassistant (MIEN_HOME_ASSISTANT names a Python that has it)")
    return named or sys.executable


def announced() -> dict[str, Any]:
    """Everything that can be announced."""
    config = Config(mqtt=MqttConfig(enabled=True, device="hall"))
    return describe(config, topics_of(config), model="Raspberry Pi 5", thermometer=True, restarts=True)


def checked(python: str, payload: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "discovery.json"
    file.write_text(json.dumps(payload))
    return subprocess.run([python, str(CHECK), str(file)], capture_output=True, text=True, check=False, timeout=300)


def test_every_schema_accepts_the_announcement_and_knows_its_fields(python: str, tmp_path: Path) -> None:
    payload = announced()
    told = checked(python, payload, tmp_path)
    assert told.returncode == 0, told.stdout + told.stderr
    found = dict(re.findall(r"^(\w+).*: accepted; unknown fields: (.*)$", told.stdout, re.MULTILINE))
    assert set(found) == {"origin", "device", "message", *payload["cmps"]}
    unknown = {field for fields in found.values() for field in fields.split(", ")} - {"none"}
    assert unknown <= LATER | SHARED, told.stdout


@pytest.mark.parametrize(
    ("entity", "field", "wrong"),
    [
        ("emotion", "device_class", "mood"),
        ("faces", "value_template", "{{ value_json.faces"),
        ("privacy", "command_topic", "mien/+/set"),
        ("restart", "unique_id", None),
    ],
)
def test_what_is_wrong_is_refused_so_the_schemas_are_real(
    python: str, tmp_path: Path, entity: str, field: str, wrong: object
) -> None:
    payload = announced()
    payload["cmps"][entity][field] = wrong
    told = checked(python, payload, tmp_path)
    assert told.returncode == 1, told.stdout + told.stderr
    assert f"{entity} (" in told.stdout
    assert "REFUSED" in told.stdout
