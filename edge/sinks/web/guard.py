"""What every request must prove before it is answered, and what every answer says to the browser.

A page on the internet can make a browser knock here. It is kept out in three ways: the Host header must name this
machine (a name that was rebound to its address does not), a browser's request must come from our own page (Origin,
Sec-Fetch-Site), and nothing we answer may be embedded elsewhere. From the local network a token is asked for, too.
"""

from __future__ import annotations

import logging
from email.utils import formatdate
from typing import TYPE_CHECKING

from h11 import LocalProtocolError

from edge.sinks.web.endpoints import Refusal
from edge.sinks.web.names import is_named

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from edge.sinks.web.access import Access

log = logging.getLogger("mien.web")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
RAW_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
READING = {"GET", "HEAD"}

Fields = dict[str, list[str]]


class Guard:
    """Wraps an ASGI app.

    names: under which, beside loopback, this machine may be asked for; None where loopback alone is listened on.
    access: asks for the token; None on loopback.
    """

    def __init__(self, app: ASGIApp, names: tuple[str, ...] | None, access: Access | None) -> None:
        self._app = app
        self._names = names
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded_send(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                date = formatdate(usegmt=True).encode()
                message["headers"] = [(b"date", date), *message.get("headers", []), *RAW_HEADERS]
            await send(message)

        try:
            self._check(scope)
        except Refusal as refusal:
            await refusal.response()(scope, receive, guarded_send)
            return
        try:
            await self._app(scope, receive, guarded_send)
        except LocalProtocolError:
            # Whoever breaks the protocol while we answer gets none, and no line in the log either.
            log.debug("%s was asked and then broken off", scope["path"])
        except Exception:
            log.exception("%s could not be answered", scope["path"])  # uvicorn's own log is silent, see server.py

    def _check(self, scope: Scope) -> None:
        """Raises Refusal unless this is asked of this machine, by its own page or by no browser at all."""
        fields = header_fields(scope)
        host = [value.lower() for value in fields.get("host", [])]
        if len(host) != 1 or not is_named(host[0], self._names):
            raise Refusal(421, "the Host header names another machine: see web.names in the settings")
        check_origin(scope, fields, host[0])
        if self._access:
            self._access.check(scope, fields)


def header_fields(scope: Scope) -> Fields:
    """By their names in lower case."""
    fields: Fields = {}
    for name, value in scope["headers"]:
        fields.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return fields


def check_origin(scope: Scope, fields: Fields, host: str) -> None:
    """Raises Refusal where a browser says that another site's page asks."""
    origin = [value.lower() for value in fields.get("origin", [])]
    if origin and origin not in ([f"http://{host}"], [f"https://{host}"]):
        raise Refusal(403, "another site's page may not read this one")
    site = fields.get("sec-fetch-site", ["none"])
    followed_link = (
        scope.get("method", "GET") in READING
        and fields.get("sec-fetch-mode") == ["navigate"]
        and fields.get("sec-fetch-dest") == ["document"]
    )
    if site not in (["none"], ["same-origin"]) and not followed_link:
        raise Refusal(403, "another site's page may not embed this one")
