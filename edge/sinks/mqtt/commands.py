"""What the broker's listeners may ask for: to turn the privacy switch, and to start the service anew."""

from __future__ import annotations

import logging
import os
import signal
from typing import TYPE_CHECKING

from edge.errors import PrivacyError
from edge.sinks.mqtt.topics import OFF, ON, PRESS, Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.core import Core
    from edge.sinks.mqtt.topics import Topics

log = logging.getLogger("mien.mqtt")


class Commands:
    """`said` is called with what the switch stands at, whenever somebody turned it or tried to."""

    def __init__(self, core: Core, topics: Topics, said: Callable[[Message], None]) -> None:
        self._core = core
        self._topics = topics
        self._said = said
        self.by_topic: dict[str, Callable[[bytes], None]] = {topics.privacy_set: self.switch}
        if is_supervised():
            self.by_topic[topics.restart] = self.restart

    def privacy(self) -> Message:
        """How the switch stands, for whoever comes later, too."""
        return Message(self._topics.privacy, ON if self._core.privacy.on else OFF, 1, retain=True)

    def switch(self, payload: bytes) -> None:
        """Turn it as the message says; one that says neither on nor off turns nothing."""
        if payload not in (ON, OFF):
            log.warning("mqtt: %s: must be ON or OFF: not obeyed", self._topics.privacy_set)
        else:
            try:
                self._core.privacy.set(payload == ON, by="mqtt")
            except PrivacyError as error:
                log.error("%s", error)  # noqa: TRY400  (a full disk is no bug of ours)
            self._core.requests.wake.set()
        self._said(self.privacy())  # else a button in Home Assistant would stay where it was pressed

    def restart(self, payload: bytes) -> None:
        """End, and be started again by the service manager."""
        if payload == PRESS:
            log.warning("mqtt: a restart was asked for")
            os.kill(os.getpid(), signal.SIGTERM)


def is_supervised() -> bool:
    """Whether a service manager would start this process again."""
    return "NOTIFY_SOCKET" in os.environ
