"""Who is let in from the local network: whoever shows the token, or the cookie that a browser got for it."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING

from msgspec import Struct
from starlette.responses import Response

from edge.sinks.web.endpoints import Refusal
from edge.sinks.web.rates import Rate
from edge.sinks.web.token import SESSION_S

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Scope

    from edge.sinks.web.guard import Fields
    from edge.sinks.web.token import Keeper

COOKIE = "mien_session"
SESSION = "/api/v1/session"
OPEN = ("/", "/healthz", SESSION)
FAILURES, FAILURES_PER_S = 10, 0.1
REQUESTS, REQUESTS_PER_S = 200, 50
BEARER = "bearer "


class SignIn(Struct, frozen=True, forbid_unknown_fields=True):
    """What the page sends to get its cookie."""

    token: str


class Access:
    """Checks tokens and cookies, and how often an address asks."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self.failures = Rate(FAILURES, FAILURES_PER_S)
        self.requests = Rate(REQUESTS, REQUESTS_PER_S)

    def check(self, scope: Scope, fields: Fields) -> None:
        """Raises Refusal unless the address is an open one or the credentials are right."""
        address = address_of(scope)
        if not self.requests.take(address):
            raise too_often()
        path = scope["path"]
        if path in OPEN or path.startswith("/page/"):
            return
        given = fields.get("authorization", [])
        if given:
            if len(given) != 1 or not given[0].lower().startswith(BEARER):
                raise unknown("Authorization must be: Bearer TOKEN")
            self._check_token(given[0][len(BEARER) :].strip(), address)
            return
        if not self._keeper.remembers(cookie_of(fields)):
            raise unknown("a token is needed: sudo mien token new")
        if scope.get("method", "GET") != "GET" and "origin" not in fields:
            raise Refusal(403, "what changes something must come from our own page, or with a Bearer token")

    def _check_token(self, token: str, address: str) -> None:
        if not self.failures.has_left(address):
            raise too_often()
        if not self._keeper.knows(token):
            self.failures.take(address)
            raise unknown("the token is wrong")

    async def sign_in(self, request: Request, _query: object, body: SignIn) -> Response:
        """The token for a cookie."""
        self._check_token(body.token, address_of(request.scope))
        response = Response(status_code=204)
        # No `secure`: this is plain HTTP, which docs/WEB.md says plainly.
        response.set_cookie(
            COOKIE, self._keeper.session(), max_age=SESSION_S, path="/", httponly=True, samesite="strict"
        )
        return response

    async def sign_out(self, _request: Request, _query: object, _body: object) -> Response:
        """The browser forgets its cookie."""
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return response


def cookie_of(fields: Fields) -> str:
    """The session's cookie; "" without one."""
    try:
        jar = SimpleCookie("; ".join(fields.get("cookie", [])))
    except CookieError:
        return ""
    return jar[COOKIE].value if COOKIE in jar else ""


def address_of(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def unknown(reason: str) -> Refusal:
    return Refusal(401, reason, {"WWW-Authenticate": 'Bearer realm="mien"'})


def too_often() -> Refusal:
    return Refusal(429, "too many requests: wait a little", {"Retry-After": "10"})
