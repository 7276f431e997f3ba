"""The published schema of events: it is the code's own, it accepts what is sent, and it refuses what is not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.event_schema import as_text, event_schema
from edge.messages import Event

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLES = re.findall(r"^\{.*\}$", (DOCS / "EVENTS.md").read_text(), re.MULTILINE)

# What schema 1 has promised, and may gain but never lose (docs/EVENTS.md).
PROMISED = {
    "face_appeared": {"type", "schema", "time", "time_s", "camera", "frame", "track", "box"},
    "emotion_changed": {
        "type", "schema", "time", "time_s", "camera", "frame", "track", "box",
        "emotion", "previous", "score", "scores",
    },
    "face_left": {"type", "schema", "time", "time_s", "camera", "frame", "track", "emotion", "duration_s"},
    "state": {"type", "schema", "time", "time_s", "camera", "frame", "phase", "frames_per_s", "people"},
}  # fmt: skip


def definitions() -> dict[str, Any]:
    schema = event_schema()
    return {
        kind: schema["$defs"][reference.rpartition("/")[2]]
        for kind, reference in schema["discriminator"]["mapping"].items()
    }


def test_the_file_is_what_the_code_says() -> None:
    assert (DOCS / "events.schema.json").read_text() == as_text(), (
        "python -m edge.event_schema > docs/events.schema.json"
    )


def test_what_was_promised_is_there() -> None:
    found = definitions()
    assert set(found) >= set(PROMISED)
    for kind, fields in PROMISED.items():
        assert set(found[kind]["properties"]) >= fields
        assert set(found[kind]["required"]) >= fields - {"schema"}


@pytest.mark.parametrize("line", EXAMPLES)
def test_every_example_is_an_event_and_says_nothing_that_is_unknown(line: str) -> None:
    event = msgspec.json.decode(line, type=Event)
    told = json.loads(line)
    assert set(told) == set(definitions()[told["type"]]["properties"])
    assert json.loads(msgspec.json.encode(event)).keys() == told.keys()


def test_there_is_an_example_of_every_kind() -> None:
    assert {json.loads(line)["type"] for line in EXAMPLES} == set(definitions())


def test_every_field_is_described_or_counted() -> None:
    for definition in definitions().values():
        for name, field in definition["properties"].items():
            assert field.get("description") or "enum" in field or name in {"people", "emotion", "previous"}, name


@pytest.mark.parametrize(
    "change",
    [{"type": "face_gone"}, {"schema": 2}, {"frame": -1}, {"box": [1, 2, 3]}, {"score": 1.5}, {"time": "now"},
     {"emotion": 3}, {"time": "2026-11-20T14:37:26"}],
)  # fmt: skip
def test_what_is_no_event_is_refused(change: dict[str, Any]) -> None:
    told = next(json.loads(line) for line in EXAMPLES if "emotion_changed" in line)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps(told | change), type=Event)
