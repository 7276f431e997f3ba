"""The events' JSON Schema, made from the message types: `python -m edge.event_schema` prints it.

docs/events.schema.json is this output; a test keeps the two together, so that no field changes unnoticed.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import msgspec

from edge.messages import SCHEMA_VERSION, Event


def event_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of one event, which is one line, one MQTT payload, one `data:` of a stream."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Mien event, schema {SCHEMA_VERSION}",
        **msgspec.json.schema(Event),
    }


def as_text() -> str:
    """The file's content."""
    return json.dumps(event_schema(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(as_text())
