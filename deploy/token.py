"""The token that lets the local network see the page. It is shown once; the device keeps its hash alone."""

from __future__ import annotations

import hashlib
import secrets
import tomllib
from typing import TYPE_CHECKING

from deploy import settings

if TYPE_CHECKING:
    from deploy.machine import Machine

FILE = "/etc/mien/web-token"
BYTES = 32
PORT = 8321
LOCAL = ("127.0.0.1", "::1", "localhost")


def make() -> str:
    """A token that nobody has seen yet."""
    return secrets.token_urlsafe(BYTES)


def hash_of(token: str) -> str:
    """What the device keeps of it."""
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"


def keep(machine: Machine, given: str | None) -> str:
    """Write the hash of a token made elsewhere or, if none is there yet, of a new one, which is returned."""
    if given is None and machine.path(FILE).exists():
        return ""
    token = "" if given else make()
    settings.secret(machine, FILE, f"{given or hash_of(token)}\n")
    return token


def address(host: str, token: str, port: int = PORT) -> str:
    """The page's address. What follows # never travels to the device; the page exchanges it for a cookie."""
    return f"http://{host}.local:{port}/" + (f"#{token}" if token else " (the token is the one you have)")


def page(machine: Machine, host: str, token: str) -> str:
    """Where the installed settings put the page, for people; "" where they switch it off."""
    web = tomllib.loads(machine.path(settings.FILE).read_text()).get("web", {})
    port = web.get("port", PORT)
    if not web.get("enabled", True):
        return ""
    if web.get("bind", LOCAL[0]) in LOCAL:
        return f"the page, for this machine alone: http://localhost:{port}/"
    return f"the page, for the local network: {address(host, token, port)}"
