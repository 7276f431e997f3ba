"""docs/PRIVACY.md against the code: what is stored and sent, and the setting that decides, are all in it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import msgspec
import pytest

from edge.config import Config
from edge.messages import EmotionChanged, FaceAppeared, FaceLeft
from edge.sinks.history import schema
from edge.sinks.mqtt.topics import Topics
from edge.sinks.web.access import COOKIE
from edge.sinks.web.token import SESSION_S

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/PRIVACY.md").read_text()
SETTINGS = msgspec.to_builtins(Config())
TOPICS = Topics("p", "d", "c")

CONNECTING = {
    "asyncio",
    "http",
    "paho",
    "socket",
    "ssl",
    "starlette",
    "subprocess",
    "urllib",
    "uvicorn",
    "websockets",
}
"""Packages by which something may leave the process; of http and urllib only what speaks."""
SILENT = {"http.cookies", "urllib.parse", "urllib.error"}
CONNECTS = {
    "assistants.py": "mien mcp",
    "bench/": "mien bench",
    "board.py": "health",  # vcgencmd, on the board itself
    "control.py": "control socket",
    "doctor.py": "the page",  # whether the page's port is free
    "model_store.py": "mien models install",
    "notify.py": "service manager",
    "sinks/mqtt/": "MQTT",
    "sinks/web/": "the page",
    "unit.py": "service manager",  # systemctl, for who sets the service up by hand
}
"""Every file or folder of edge that may, and the words by which the page speaks of it."""
WRITES = {
    "bench/": "mien bench",
    "command_line.py": "standard output",
    "commands/history.py": "mien history plot",
    "control.py": "control socket",
    "draw.py": "mien predict --draw",
    "feedback.py": "feedback.folder",
    "model/interpreter.py": "logs",  # the runtime's words, passed on to standard error
    "model_store.py": "/opt/mien/models",
    "privacy.py": "privacy.json",
    "sinks/history/": "history.db",
    "sinks/jsonl.py": "jsonl.file",
    "sinks/web/token.py": "token's SHA-256",
    "sources/devices.py": "camera",  # a camera is opened for writing, to ask it what it can
    "unit.py": "service manager",
}
WRITING = re.compile(
    r"os\.open\(|os\.write\(|write_bytes|write_text|\.open\(\"[wax]|\bopen\([^)]*\"[wax]b?\"|sqlite3\.connect|"
    r"imwrite|VideoWriter\(|copyfile|\.savez?\("
)


def modules() -> list[tuple[str, str]]:
    """(path below edge, source) of every module that ships."""
    edge = ROOT / "edge"
    return [(str(path.relative_to(edge)), path.read_text()) for path in sorted(edge.rglob("*.py"))]


def imported(source: str) -> set[str]:
    """Names of modules that are imported at run time, wherever that stands."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def undocumented(names: list[str], known: dict[str, str]) -> list[str]:
    return [name for name in names if not any(name.startswith(place) for place in known)]


def test_whatever_may_connect_is_on_the_page() -> None:
    speaking = [
        name
        for name, source in modules()
        if {module.partition(".")[0] for module in imported(source) - SILENT} & CONNECTING
    ]
    assert undocumented(speaking, CONNECTS) == []
    assert [place for place in CONNECTS if not any(name.startswith(place) for name in speaking)] == []
    assert [words for words in CONNECTS.values() if words not in PAGE] == []


def test_whatever_may_write_is_on_the_page() -> None:
    writing = [name for name, source in modules() if WRITING.search(source)]
    assert undocumented(writing, WRITES) == []
    assert [place for place in WRITES if not any(name.startswith(place) for name in writing)] == []
    assert [words for words in WRITES.values() if words not in PAGE] == []


def test_every_setting_it_names_is_one_and_every_default_is_the_codes() -> None:
    named = set(re.findall(r"`([a-z]+\.[a-z_]+)`", PAGE)) - {"history.db", "privacy.json"}
    assert {
        name for name in named if name.partition(".")[2] not in SETTINGS.get(name.partition(".")[0], {})
    } == set()
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and (settings := re.findall(r"`([a-z]+\.[a-z_]+)`", cells[2])) and cells[3]:
            values = [repr_of(name) for name in settings]
            assert cells[3] == ", ".join(f"`{value}`" for value in values), line


def repr_of(name: str) -> str:
    section, _, key = name.partition(".")
    return msgspec.json.encode(SETTINGS[section][key]).decode()


@pytest.mark.parametrize("switch", [f"{name}.enabled" for name, part in SETTINGS.items() if "enabled" in part])
def test_every_part_that_can_be_switched_on_is_on_the_page(switch: str) -> None:
    assert f"`{switch}`" in PAGE


def test_every_topic_is_on_the_page() -> None:
    kinds = [str(kind.__struct_config__.tag) for kind in (FaceAppeared, EmotionChanged, FaceLeft)]
    names = [TOPICS.availability, TOPICS.state, TOPICS.summary, TOPICS.privacy, TOPICS.privacy_set, TOPICS.restart]
    for topic in [*names, *map(TOPICS.event, kinds)]:
        assert f"`{topic.removeprefix(f'{TOPICS.root}/')}`" in PAGE


def test_every_column_of_the_history_is_on_the_page() -> None:
    tables = re.findall(r"CREATE TABLE (\w+) \((.*?)\)(?: WITHOUT ROWID)?;", schema.TABLES, re.DOTALL)
    assert {name for name, _ in tables} == {"meta", "boots", "events", "presence"}
    for name, body in tables:
        (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
        columns = re.findall(r"^ *([a-z]\w*) (?:TEXT|INTEGER|REAL)", body.replace(", ", "\n"), re.MULTILINE)
        assert re.findall(r"`(\w+)`", row)[1:] == columns


def test_the_cookie_is_named_with_its_life() -> None:
    assert f"`{COOKIE}`" in PAGE
    assert SESSION_S == 30 * 24 * 3600
    assert "thirty days" in PAGE
