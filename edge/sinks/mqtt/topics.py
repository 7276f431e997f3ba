"""What is said to the broker, and where: the tree of topics below <prefix>/<device>/<camera>."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from edge.config import Config

ONLINE, OFFLINE = b"online", b"offline"
ON, OFF = b"ON", b"OFF"
PRESS = b"PRESS"
NAME_LENGTH = 32


class Message(Struct, frozen=True):
    """One publication. retain: the broker keeps the newest one of a topic for whoever comes later."""

    topic: str
    payload: bytes
    qos: int
    retain: bool = False


class Topics(Struct, frozen=True):
    """The addresses of one camera of one device."""

    prefix: str
    device: str
    camera: str

    @property
    def id(self) -> str:
        """One name for this camera of this device, to the broker as to Home Assistant."""
        return f"mien-{self.device}-{self.camera}"

    @property
    def root(self) -> str:
        return f"{self.prefix}/{self.device}/{self.camera}"

    @property
    def availability(self) -> str:
        return f"{self.root}/availability"

    @property
    def state(self) -> str:
        return f"{self.root}/state"

    @property
    def summary(self) -> str:
        return f"{self.root}/summary"

    @property
    def privacy(self) -> str:
        """Says how the switch stands; `privacy_set` turns it."""
        return f"{self.root}/privacy"

    @property
    def privacy_set(self) -> str:
        return f"{self.privacy}/set"

    @property
    def restart(self) -> str:
        return f"{self.root}/restart"

    def event(self, kind: str) -> str:
        return f"{self.root}/event/{kind}"


def topics_of(config: Config) -> Topics:
    return Topics(config.mqtt.topic_prefix, config.mqtt.device or host_name(), config.source.camera)


def host_name(name: str | None = None) -> str:
    """This machine's name as a level of a topic: small letters, digits and dashes."""
    first = (name if name is not None else socket.gethostname()).lower().partition(".")[0]
    return re.sub(r"[^a-z0-9]+", "-", first).strip("-")[:NAME_LENGTH].strip("-") or "mien"
