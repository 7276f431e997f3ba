"""Mien's announcement against Home Assistant's own discovery schemas. Two steps, for it is no dependency of ours:

    python tests/edge/sinks/check_home_assistant.py > discovery.json
    HOME_ASSISTANTS_PYTHON tests/edge/sinks/check_home_assistant.py discovery.json

The second wants a Python with the package `homeassistant`, say of `uv venv --python 3.13 ha` and
`uv pip install -p ha/bin/python homeassistant paho-mqtt`. Packages it imports that are not there, usually for want
of a wheel, are replaced by empty ones and named; none of them takes part in validation. A field that a schema does
not know is named; the exit status is 1 where one refuses.
"""

# ruff: noqa: T201  (it prints)

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import json
import sys
import types
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

SHORT = {"dev": "device", "o": "origin", "cmps": "components"}


class Missing(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands in for every package that is not there. Last in sys.meta_path."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> Any:
        top = name.partition(".")[0]
        if top == "homeassistant" or top in sys.stdlib_module_names:
            return None
        self.names.add(top)
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: Any) -> types.ModuleType:
        return Empty(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        pass


class Empty(types.ModuleType):
    __path__: list[str] = []  # noqa: RUF012  (a module's)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return MagicMock(name=name)


def announce() -> None:
    """Print what Mien announces with everything on."""
    from edge.config import Config, MqttConfig
    from edge.sinks.mqtt.discovery import discovery_message
    from edge.sinks.mqtt.topics import topics_of

    config = Config(mqtt=MqttConfig(enabled=True, device="hall"))
    print(discovery_message(config, topics_of(config), restarts=True).payload.decode())


def known(schema: Any) -> set[str]:
    """The fields that a voluptuous schema names."""
    if isinstance(schema, dict):
        return {str(key) for key in schema}
    if hasattr(schema, "validators"):
        return set().union(*(known(part) for part in schema.validators))
    return known(schema.schema) if hasattr(schema, "schema") else set()


def validate(name: str, schema: Any, table: dict[str, Any], ours: set[str]) -> bool:
    import voluptuous

    try:
        schema(json.loads(json.dumps(table, default=str)))
    except voluptuous.Invalid as error:
        print(f"{name}: REFUSED: {error}")
        return False
    print(f"{name}: accepted; unknown fields: {', '.join(sorted(ours - known(schema))) or 'none'}")
    return True


def check(payload: dict[str, Any]) -> bool:
    """Whether all of Home Assistant's schemas take it; prints what each says."""
    mqtt = "homeassistant.components.mqtt"
    validation = importlib.import_module("homeassistant.helpers.config_validation")
    validation.report_usage = lambda *_, **__: None  # type: ignore[attr-defined]  # needs a running Home Assistant
    importlib.import_module("homeassistant.helpers.frame").report_usage = lambda *_, **__: None  # type: ignore[attr-defined]
    names = importlib.import_module(f"{mqtt}.abbreviations").ABBREVIATIONS
    schemas = importlib.import_module(f"{mqtt}.schemas")
    whole = {SHORT.get(key, names.get(key, key)): value for key, value in payload.items()}
    good = [
        validate("origin", schemas.MQTT_ORIGIN_INFO_SCHEMA, whole["origin"], set(whole["origin"])),
        validate("device", schemas.MQTT_ENTITY_DEVICE_INFO_SCHEMA, whole["device"], set(whole["device"])),
        validate("message", schemas.DEVICE_DISCOVERY_SCHEMA, whole, set(whole)),
    ]
    shared = {key: value for key, value in whole.items() if key not in {"components", "origin"}}
    for key, component in whole["components"].items():
        own = {names.get(field, field): value for field, value in component.items() if field != "platform"}
        schema = importlib.import_module(f"{mqtt}.{component['platform']}").DISCOVERY_SCHEMA
        good.append(validate(f"{key} ({component['platform']})", schema, shared | own, set(own)))
    return all(good)


def main() -> None:
    if len(sys.argv) < 2:
        announce()
        return
    missing = Missing()
    sys.meta_path.append(missing)
    version = importlib.import_module("homeassistant.const").__version__
    print(f"homeassistant {version} on Python {sys.version.split()[0]}")
    good = check(json.loads(Path(sys.argv[1]).read_text()))
    print(f"replaced by empty packages: {', '.join(sorted(missing.names)) or 'none'}")
    sys.exit(not good)


if __name__ == "__main__":
    main()
