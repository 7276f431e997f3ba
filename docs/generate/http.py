"""The HTTP API, from the OpenAPI document that the page itself serves."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from docs.generate.tables import code, table
from edge.config import Config
from edge.core import Core
from edge.privacy import Privacy
from edge.sinks.web.access import Access
from edge.sinks.web.api import Api
from edge.sinks.web.device import Vitals
from edge.sinks.web.hub import Hub
from edge.sinks.web.openapi import describe
from edge.sinks.web.token import Keeper, new_token

API_VERSION = "1"
"""Instead of the program's, which the file would have to follow."""


@cache
def openapi() -> dict[str, Any]:
    """As served where a token is asked for."""
    with tempfile.TemporaryDirectory() as folder:
        token = Path(folder) / "token"
        new_token(token)
        core = Core(Privacy(Path(folder) / "privacy", default_on=False))
        config = Config()
        api = Api(config, core, Hub(config, core), vitals=Vitals(), glimpses=None, access=Access(Keeper(token)))
        found = describe(api.endpoints, guarded=True)
    found["info"]["version"] = API_VERSION
    return found


def document() -> str:
    return json.dumps(openapi(), indent=2) + "\n"


def reference() -> str:
    """Every address, then every record that is sent or answered."""
    operations = [
        (method.upper(), path, one)
        for path, methods in openapi()["paths"].items()
        for method, one in methods.items()
    ]
    records = openapi()["components"]["schemas"]
    return "\n\n".join(
        [
            *(_operation(*one) for one in operations),
            "## Records",
            *(_record(name, schema) for name, schema in records.items()),
        ]
    )


def _operation(method: str, path: str, one: dict[str, Any]) -> str:
    status = next(iter(one["responses"]))
    said = [f"- Answers {code(status)}: {_content(one['responses'][status])}"]
    if "requestBody" in one:
        said.insert(0, f"- Takes {_content(one['requestBody'])}")
    parts = [f"## {method} {path}", one["summary"] + ".", "\n".join(said)]
    if one.get("parameters"):
        query = [(code(field["name"]), _type(field["schema"]), field["description"]) for field in one["parameters"]]
        parts.append(table(("Query", "Type", "Meaning"), query))
    return "\n\n".join(parts)


def _content(body: dict[str, Any]) -> str:
    media = body.get("content", {})
    return (
        "; ".join(f"{code(kind)} {_type(said.get('schema', {}))}".strip() for kind, said in media.items())
        or "nothing"
    )


def _record(name: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    rows = [
        (code(field), _type(said) + ("" if field in required else ", may be left out"), said.get("description", ""))
        for field, said in schema.get("properties", {}).items()
    ]
    return "\n\n".join(
        part
        for part in (
            f"### {name}",
            " ".join(schema.get("description", "").split()),
            table(("Field", "Type", ""), rows),
        )
        if part
    )


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(code(json.dumps(value)) for value in schema["enum"])
    if schema.get("contentEncoding"):
        return f"the file itself, {schema['maxLength']:,} bytes at most"
    return _plain(schema)


def _plain(schema: dict[str, Any]) -> str:
    """Of a type without a name of its own."""
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        inner = schema.get("items") or {}
        return f"list of {_type(inner) if inner else 'values'}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    return f"{kind} ({schema['format']})" if "format" in schema else kind
