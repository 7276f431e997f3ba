"""What every request must prove before it is answered, and what every answer says to the browser.

A page on the internet can make a browser knock here. It is kept out in three ways: the Host header must name this
machine (a name that was rebound to 127.0.0.1 does not), a browser's request must come from our own page (Origin,
Sec-Fetch-Site), and nothing we answer may be embedded elsewhere.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^:\[\]]+)(?::\d{1,5})?", re.IGNORECASE)


class Refusal(Exception):  # noqa: N818  (an answer, not an error of ours)
    """A status and the reason in words."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Guard:
    """Wraps an ASGI app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded_send(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                message["headers"] = [*message.get("headers", []), *RAW_HEADERS]
            await send(message)

        try:
            check(scope)
        except Refusal as refusal:
            headers = {"Allow": "GET"} if refusal.status == 405 else None
            answer = PlainTextResponse(f"{refusal}\n", refusal.status, headers)
            await answer(scope, receive, guarded_send)
            return
        try:
            await self._app(scope, receive, guarded_send)
        except Exception:
            log.exception("%s could not be answered", scope["path"])  # uvicorn's own log is silent, see __init__.py


def check(scope: Scope) -> None:
    """Raises Refusal unless this is a GET to this machine, by its own page or by no browser at all."""
    fields: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        fields.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1").lower())
    if scope.get("method", "GET") != "GET":
        raise Refusal(405, "only GET is answered here")
    host = fields.get("host", [])
    if len(host) != 1 or not is_this_machine(host[0]):
        raise Refusal(421, "the Host header names another machine: use localhost or 127.0.0.1")
    origin = fields.get("origin")
    if origin and origin not in ([f"http://{host[0]}"], [f"https://{host[0]}"]):
        raise Refusal(403, "another site's page may not read this one")
    site = fields.get("sec-fetch-site", ["none"])
    followed_link = (fields.get("sec-fetch-mode"), fields.get("sec-fetch-dest")) == (["navigate"], ["document"])
    if site not in (["none"], ["same-origin"]) and not followed_link:
        raise Refusal(403, "another site's page may not embed this one")


def is_this_machine(host: str) -> bool:
    """Whether a Host header is localhost or a loopback address, with any port (a tunnel may have changed it)."""
    parts = HOST.fullmatch(host)
    if not parts:
        return False
    name = parts["name"].strip("[]")
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
