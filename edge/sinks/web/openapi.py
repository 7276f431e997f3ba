"""The API described in OpenAPI 3.1, from the very records that answer requests.

Litestar would do this too, and Starlette with apispec; Litestar takes three times Starlette's time to import, and
msgspec makes every schema here, so that what is left is this page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from edge import __version__
from edge.sinks.web.endpoints import JSON, Nothing, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.sinks.web.endpoints import Endpoint

REFERENCE = "#/components/schemas/{name}"
PROBLEM = {"$ref": "#/components/responses/Problem"}
OPEN: list[dict[str, list[str]]] = [{}]
"""No credentials."""


def describe(endpoints: Sequence[Endpoint], *, guarded: bool) -> dict[str, Any]:
    """The document. guarded: a token is asked for."""
    types = [Problem, *(kind for one in endpoints for kind in (one.body, one.gives) if kind is not None)]
    schemas, components = msgspec.json.schema_components(types, ref_template=REFERENCE)
    by_type = dict(zip(map(repr, types), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(
            endpoint, by_type, guarded=guarded
        )
    problem = {"description": "Refused; the answer says why.", "content": _content(JSON, by_type[repr(Problem)])}
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Mien",
            "version": __version__,
            "description": "A local emotion sensor. An emotion is what a face looks like, not what a person feels.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {"schemas": components, "responses": {"Problem": problem}},
    }
    if guarded:
        document["components"]["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer", "description": "what `sudo mien token new` printed"},
            "session": {"type": "apiKey", "in": "cookie", "name": "mien_session"},
        }
    return document


def _operation(endpoint: Endpoint, by_type: dict[str, Any], *, guarded: bool) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": endpoint.does,
        "operationId": _name(endpoint),
        "responses": {str(endpoint.status): _success(endpoint, by_type), "default": PROBLEM},
    }
    if endpoint.query is not Nothing:
        described["parameters"] = _parameters(endpoint)
    if endpoint.body is not None:
        described["requestBody"] = {"required": True, "content": _content(JSON, by_type[repr(endpoint.body)])}
    if endpoint.uploads:
        raw = {"type": "string", "contentEncoding": "binary", "maxLength": endpoint.upload_bytes}
        described["requestBody"] = {
            "required": True,
            "content": {media: {"schema": raw} for media in endpoint.uploads},
        }
    if guarded:
        described["security"] = OPEN if endpoint.open else [{"token": []}, {"session": []}]
    return described


def _success(endpoint: Endpoint, by_type: dict[str, Any]) -> dict[str, Any]:
    if endpoint.gives is not None:
        return {"description": endpoint.does, "content": _content(endpoint.media, by_type[repr(endpoint.gives)])}
    if endpoint.status == 204:
        return {"description": endpoint.does}
    return {"description": endpoint.does, "content": {endpoint.media: {}}}


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    (schema,), components = msgspec.json.schema_components([endpoint.query], ref_template=REFERENCE)
    schema = components[schema["$ref"].rpartition("/")[2]]
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": field.pop("description", ""),
            "schema": field,
        }
        for name, field in schema["properties"].items()
    ]


def _content(media: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {media: {"schema": schema}}


def _name(endpoint: Endpoint) -> str:
    """get_history_minutes, of GET /api/v1/history/minutes."""
    words = endpoint.path.removeprefix("/api/v1").replace(".", "_").strip("/").replace("/", "_")
    return f"{endpoint.method.lower()}_{words}"
