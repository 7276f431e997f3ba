"""What an assistant may ask: counts and emotions, by the protocol, of a running page."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge.assistants import REVISION, Server, Unanswered

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(Path(__file__).parent / "sinks"))

PERSON = {
    "track": "a1b2c3",
    "box": [1, 2, 3, 4],
    "emotion": "happiness",
    "score": 0.8,
    "scores": {"happiness": 0.8},
}


def api(path: str) -> Any:
    if path == "state":
        return {"people": [PERSON, PERSON, PERSON | {"emotion": None}], "frame": 7}
    if path.startswith("history/presence"):
        return [{"time": "2026-01-31T10:00:00+01:00", "seconds": {"happiness": 90.0}}, {"time": "x", "seconds": {}}]
    raise AssertionError(path)


def told(server: Server, method: str, **params: Any) -> dict[str, Any]:
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    answer = json.loads(server.answer(line) or "null")
    assert (answer["jsonrpc"], answer["id"]) == ("2.0", 1)
    return answer  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("asked", "spoken"), [(REVISION, REVISION), ("2024-11-05", "2024-11-05"), ("1999", REVISION)]
)
def test_they_agree_on_a_revision(asked: str, spoken: str) -> None:
    result = told(Server(api), "initialize", protocolVersion=asked)["result"]
    assert result["protocolVersion"] == spoken
    assert result["serverInfo"]["name"] == "mien"
    assert result["capabilities"] == {"tools": {}}


def test_the_tools_are_listed_with_what_they_take() -> None:
    tools = told(Server(api), "tools/list")["result"]["tools"]
    assert [tool["name"] for tool in tools] == ["who_is_in_view", "how_was_the_day"]
    assert all(
        tool["inputSchema"]["type"] == "object" and "not what a person feels" in tool["description"]
        for tool in tools
    )


def test_faces_are_counted_and_nothing_else_is_handed_on() -> None:
    result = told(Server(api), "tools/call", name="who_is_in_view")["result"]
    found = result["structuredContent"]
    assert (found["faces"], found["emotions"]) == (3, {"happiness": 2, "undecided": 1})
    assert json.loads(result["content"][0]["text"]) == found
    assert not any(word in json.dumps(result) for word in ("a1b2c3", "box", "track", "scores"))


def test_a_day_is_told_in_minutes_an_hour() -> None:
    found = told(Server(api), "tools/call", name="how_was_the_day", arguments={"day": "2026-01-31"})["result"]
    assert found["structuredContent"]["hours"] == [
        {"from": "2026-01-31T10:00:00+01:00", "minutes": {"happiness": 1.5}}
    ]


def test_what_the_service_refuses_is_told_in_its_words() -> None:
    def private(_path: str) -> Any:
        raise Unanswered("privacy is on")

    result = told(Server(private), "tools/call", name="who_is_in_view")["result"]
    assert result == {"content": [{"type": "text", "text": "privacy is on"}], "isError": True}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("{", -32700),
        ("[]", -32600),
        ('{"id": 1}', -32600),
        ('{"id": 1, "method": "resources/list"}', -32601),
        ('{"id": 1, "method": "tools/call", "params": {"name": "picture"}}', -32602),
        ('{"id": 1, "method": "tools/call", "params": []}', -32602),
        ('{"id": 1, "method": "tools/call", "params": [1]}', -32602),
        (
            '{"id": 1, "method": "tools/call", "params": {"name": "how_was_the_day", "arguments": {"day": "x&y"}}}',
            -32602,
        ),
        (
            '{"id": 1, "method": "tools/call", "params": {"name": "how_was_the_day", "arguments": {"day": "²"}}}',
            -32602,
        ),
        ('{"id": 1, "method": "tools/call", "params": {"name": "how_was_the_day", "arguments": ["day"]}}', -32602),
        ('{"id": 1, "method": "tools/call", "params": {"name": "how_was_the_day", "arguments": 5}}', -32602),
    ],
)
def test_what_breaks_the_protocol_is_refused_by_its_codes(line: str, code: int) -> None:
    assert json.loads(Server(api).answer(line) or "")["error"]["code"] == code


def test_a_notification_gets_no_answer() -> None:
    assert Server(api).answer('{"jsonrpc": "2.0", "method": "notifications/initialized"}') is None


def mcp(lines: list[dict[str, Any]], *changes: str, url: str = "") -> subprocess.CompletedProcess[str]:
    options = [word for change in changes for word in ("--set", change)]
    command = [sys.executable, "-m", "edge.cli", "mcp", *options, *(["--url", url] if url else [])]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=120)


def test_it_is_off_by_default() -> None:
    result = mcp([])
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "mien: assistants.enabled = false: no assistant is answered\n"


def test_the_command_asks_a_running_page() -> None:
    from web_client import reading, serving

    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "who_is_in_view"}}
    with serving() as sink:
        sink.publish(reading(1))
        sink._hub.stale_s = 1e9
        result = mcp([call], "assistants.enabled=true", url=sink.url)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["result"]["structuredContent"]["emotions"] == {"happiness": 1}


CLIENT = """
import asyncio, sys
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def ask(command, *arguments):
    server = StdioServerParameters(command=command, args=list(arguments))
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        for answer in (
            await session.initialize(),
            await session.list_tools(),
            await session.call_tool("who_is_in_view"),
            await session.call_tool("how_was_the_day", {"day": "2026-01-31"}),
        ):
            print(answer.model_dump_json(by_alias=True))


asyncio.run(ask(*sys.argv[1:]))
"""


@pytest.fixture
def sdk() -> str:
    """A Python that has the protocol's own SDK, the package mcp; MIEN_MCP names one where this one has it not."""
    named = os.environ.get("MIEN_MCP", "")
    if not named and importlib.util.find_spec("mcp") is None:
        pytest.skip("no package mcp (MIEN_MCP names a Python that has it)")
    return named or sys.executable


def test_the_protocols_own_client_is_answered(sdk: str) -> None:
    from web_client import reading, serving

    with serving() as sink:
        sink.publish(reading(1))
        sink._hub.stale_s = 1e9
        server = [sys.executable, "-m", "edge.cli", "mcp", "--set", "assistants.enabled=true", "--url", sink.url]
        done = subprocess.run(
            [sdk, "-c", CLIENT, *server], capture_output=True, text=True, check=False, timeout=120, cwd=ROOT
        )
    assert done.returncode == 0, done.stderr
    met, tools, view, day = map(json.loads, done.stdout.splitlines())
    assert met["protocolVersion"] == REVISION
    assert [tool["name"] for tool in tools["tools"]] == ["who_is_in_view", "how_was_the_day"]
    assert (view["isError"], view["structuredContent"]["emotions"]) == (False, {"happiness": 1})
    assert (day["isError"], day["content"][0]["text"]) == (True, "no history is kept (history.enabled)")


def test_without_a_service_the_assistant_is_told_so() -> None:
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "who_is_in_view"}}
    result = mcp([call], "assistants.enabled=true", url="http://127.0.0.1:9/")
    assert json.loads(result.stdout)["result"]["isError"] is True
    assert "no Mien answers at" in result.stdout
