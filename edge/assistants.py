"""A server of the Model Context Protocol: an AI assistant asks who is in view and how the day was.

One JSON-RPC 2.0 message a line, on standard input and output. It asks the running service through its API and hands
on counts and emotions alone: no picture, no box, no track, no time finer than an hour.
Source of the protocol: modelcontextprotocol.io, revision 2025-06-18, transport "stdio".
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections import Counter
from typing import TYPE_CHECKING, Any

from edge import __version__
from edge.errors import MienError

if TYPE_CHECKING:
    from collections.abc import Callable

REVISION = "2025-06-18"
KNOWN_REVISIONS = ("2024-11-05", "2025-03-26", REVISION)
ASK_S = 10.0
PARSE_ERROR, INVALID, NO_METHOD, BAD_PARAMS = -32700, -32600, -32601, -32602
CAUTION = "An emotion is what a face looks like to a small neural network, not what a person feels."

TOOLS: list[dict[str, Any]] = [
    {
        "name": "who_is_in_view",
        "description": f"How many faces the camera sees now and what they look like. {CAUTION}",
        "inputSchema": {"type": "object", "properties": {}, "additionalProperties": False},
    },
    {
        "name": "how_was_the_day",
        "description": f"Minutes in view by emotion, for each hour of a day that was recorded. {CAUTION}",
        "inputSchema": {
            "type": "object",
            "properties": {"day": {"type": "string", "description": "e.g. 2026-01-31; today if left out"}},
            "additionalProperties": False,
        },
    },
]


class Unanswered(MienError):  # noqa: N818  (it is told to the assistant, not raised to the user)
    """Why the service gave no answer."""


class Wrong(Exception):  # noqa: N818
    """A message that breaks the protocol: its code and words."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


def fetch(base: str, token: str | None) -> Callable[[str], Any]:
    """Asks the service at this address."""

    def ask(path: str) -> Any:
        request = urllib.request.Request(f"{base}api/v1/{path}")  # noqa: S310  (our own address)
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=ASK_S) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise Unanswered(words_of(error.read())) from error
        except (OSError, ValueError) as error:
            raise Unanswered(f"no Mien answers at {base}") from error

    return ask


def words_of(content: bytes) -> str:
    try:
        return str(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError):
        return "the service refused"


class Server:
    """ask: gives what the API answers to a path, or raises Unanswered."""

    def __init__(self, ask: Callable[[str], Any]) -> None:
        self._ask = ask

    def answer(self, line: str) -> str | None:
        """The answer to a message, as a line; None to one that wants none."""
        number = None
        try:
            message = parse(line)
            number = message.get("id")
            result = self._obey(message)
        except Wrong as wrong:
            return reply(number, error={"code": wrong.code, "message": str(wrong)})
        return None if "id" not in message else reply(number, result=result)

    def _obey(self, message: dict[str, Any]) -> Any:
        method, params = message["method"], message.get("params") or {}
        if not isinstance(params, dict):
            raise Wrong(BAD_PARAMS, "params must be an object")
        if method == "initialize":
            asked = params.get("protocolVersion")
            return {
                "protocolVersion": asked if asked in KNOWN_REVISIONS else REVISION,
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "mien", "version": __version__},
            }
        if method == "tools/list":
            return {"tools": TOOLS}
        if method == "tools/call":
            return self._call(params)
        if method == "ping" or method.startswith("notifications/"):
            return {}
        raise Wrong(NO_METHOD, f"no such method: {method}")

    def _call(self, params: dict[str, Any]) -> dict[str, Any]:
        arguments = params.get("arguments") or {}
        if not isinstance(arguments, dict):
            raise Wrong(BAD_PARAMS, "arguments must be an object")
        try:
            if params.get("name") == "who_is_in_view" and not arguments:
                told = self.who_is_in_view()
            elif params.get("name") == "how_was_the_day" and set(arguments) <= {"day"}:
                told = self.how_was_the_day(str(arguments.get("day", "")))
            else:
                raise Wrong(BAD_PARAMS, f"no such tool, or no such argument: {params.get('name')}")
        except Unanswered as error:
            return {"content": [{"type": "text", "text": str(error)}], "isError": True}
        return {"content": [{"type": "text", "text": json.dumps(told)}], "structuredContent": told}

    def who_is_in_view(self) -> dict[str, Any]:
        people = self._ask("state")["people"]
        looks = Counter(person["emotion"] or "undecided" for person in people)
        return {"faces": len(people), "emotions": dict(looks), "caution": CAUTION}

    def how_was_the_day(self, day: str) -> dict[str, Any]:
        if not all(letter in "0123456789-" for letter in day):
            raise Wrong(BAD_PARAMS, "day: must be a day, e.g. 2026-01-31")
        hours = self._ask(f"history/presence?by=hour{f'&last={day}' if day else ''}")
        return {
            "hours": [
                {
                    "from": hour["time"],
                    "minutes": {word: round(seconds / 60, 1) for word, seconds in hour["seconds"].items()},
                }
                for hour in hours
                if hour["seconds"]
            ],
            "caution": CAUTION,
        }


def parse(line: str) -> dict[str, Any]:
    """Raises Wrong for what is no request."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Wrong(PARSE_ERROR, "no JSON") from error
    if not isinstance(message, dict) or not isinstance(message.get("method"), str):
        raise Wrong(INVALID, "a message is an object with a method")
    return message


def reply(number: Any, **content: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, **content})
