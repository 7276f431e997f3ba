"""Which names are this machine's: a browser that was lured here under another one is told no (DNS rebinding)."""

from __future__ import annotations

import ipaddress
import re
import socket

HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^:\[\]]+)(?::\d{1,5})?", re.IGNORECASE)


def is_named(host: str, names: tuple[str, ...] | None) -> bool:
    """Whether a Host header names this machine, with any port (a tunnel may have changed it).

    names: the further names that the settings allow; None where nothing but loopback is to be answered.
    """
    parts = HOST.fullmatch(host)
    if not parts:
        return False
    name = parts["name"].strip("[]").lower()
    if is_loopback(name):
        return True
    if names is None:
        return False
    # An address cannot be rebound; the machine's name may change while we run.
    return is_address(name) or name.rstrip(".") in own_names() | {known.lower() for known in names}


def own_names() -> set[str]:
    """What this machine is called just now: NAME and, as mDNS says it, NAME.local."""
    name = socket.gethostname().lower().rstrip(".")
    return {name, f"{name.partition('.')[0]}.local"} if name else set()


def is_loopback(name: str) -> bool:
    """localhost, or an address of 127.0.0.0/8, or ::1."""
    return name == "localhost" or (is_address(name) and ipaddress.ip_address(name).is_loopback)


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
