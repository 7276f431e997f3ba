"""One address and method of the API: what it takes, what it gives, and how a request becomes a call.

The same record answers requests and describes itself in OpenAPI (openapi.py), so that the two cannot disagree.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from starlette.types import Receive, Scope, Send

JSON = "application/json"
JSON_BYTES_MAX = 4096
"""Nobody has more to say than a switch or a label."""
BODY_S = 15.0


class Problem(Struct, frozen=True):
    """Why there is no answer, in words."""

    error: str


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """No query."""


class Refusal(Exception):  # noqa: N818  (an answer, not an error of ours)
    """A status, the reason in words, and further headers."""

    def __init__(self, status: int, reason: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.headers = headers or {}

    def response(self) -> Response:
        return answer(Problem(str(self)), self.status, self.headers)


class Endpoint(Struct, frozen=True, kw_only=True, eq=False):
    """act: called with the request, the query and the body; what it returns is the answer, or is made into it.

    query: the type of the query's fields. body: the type of a JSON body. uploads: media types of a raw one, which
    may have upload_bytes. gives: the type of a JSON answer; media: what the answer is otherwise.
    """

    path: str
    method: str = "GET"
    does: str
    act: Callable[..., Awaitable[Any]]
    query: type[Struct] = Nothing
    body: Any = None
    uploads: tuple[str, ...] = ()
    upload_bytes: int = 0
    gives: Any = None
    media: str = JSON
    status: int = 200
    open: bool = False
    """Answered without a token."""

    async def answer(self, request: Request) -> Response:
        """Raises Refusal."""
        query = self._query(request)
        found = await self.act(request, query, await self._body(request))
        if isinstance(found, Response):
            return found
        return answer(found, self.status) if self.gives is not None else Response(status_code=self.status)

    def _query(self, request: Request) -> Struct:
        fields = request.query_params.multi_items()
        table = dict(fields)
        if len(table) != len(fields):
            raise Refusal(400, "a field of the query stands twice")
        try:
            return msgspec.convert(table, self.query, strict=False)
        except msgspec.ValidationError as error:
            raise Refusal(400, f"query: {error}") from error

    async def _body(self, request: Request) -> Any:
        if self.body is None and not self.uploads:
            return None
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        allowed = self.uploads or (JSON,)
        if media not in allowed:
            raise Refusal(415, f"Content-Type must be {' or '.join(allowed)}")
        content = await read_body(request, self.upload_bytes if self.uploads else JSON_BYTES_MAX)
        if self.uploads:
            return content
        try:
            return msgspec.json.decode(content, type=self.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Refusal(400, f"body: {error}") from error


class Path:
    """An ASGI app for one address: picks the endpoint by the method."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._endpoints = {endpoint.method: endpoint for endpoint in endpoints}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._endpoint(scope["method"]).answer(Request(scope, receive))
        except Refusal as refusal:
            response = refusal.response()
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    def _endpoint(self, method: str) -> Endpoint:
        if method in self._endpoints:
            return self._endpoints[method]
        methods = ", ".join(sorted(self._endpoints))
        raise Refusal(405, f"only {methods} is answered here", {"Allow": methods})


async def read_body(request: Request, bytes_max: int) -> bytes:
    """The whole body. Raises Refusal if it is too long or takes too long."""
    too_long = Refusal(413, f"at most {bytes_max} bytes are taken", {"Connection": "close"})
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > bytes_max:
        raise too_long
    content = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.stream():
                content += piece
                if len(content) > bytes_max:
                    raise too_long
    except TimeoutError as error:
        raise Refusal(408, f"the body took longer than {BODY_S:g} s", {"Connection": "close"}) from error
    return bytes(content)


def answer(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A value as JSON."""
    return Response(msgspec.json.encode(value), status, headers, JSON)
