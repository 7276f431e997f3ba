"""The token that lets the local network see the page. It is shown once; the device keeps its hash alone."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from deploy import settings

if TYPE_CHECKING:
    from deploy.machine import Machine

FILE = "/etc/mien/web-token"
BYTES = 32


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


def address(host: str, token: str) -> str:
    """The page's address. What follows # never travels to the device; the page exchanges it for a cookie."""
    return f"http://{host}.local:8321/" + (f"#{token}" if token else " (the token is the one you have)")
