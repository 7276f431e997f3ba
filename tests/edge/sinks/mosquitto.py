"""A real Mosquitto to test against, and a listener that remembers what it heard."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import Struct
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE_S = 30.0
DEBIAN = f"{os.environ.get('PATH', '')}:/usr/sbin"
"""Debian keeps servers where a user's PATH does not look."""


def program(name: str) -> str:
    """Skips the test where it is missing."""
    return shutil.which(name, path=DEBIAN) or pytest.skip(f"{name} is not installed")


def wait_until(condition: Callable[[], Any], what: str | Callable[[], str]) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > until_s:
            pytest.fail(f"not within {PATIENCE_S:.0f} s: {what if isinstance(what, str) else what()}")
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Mosquitto:
    """A broker on loopback with settings of its own; `settings` are lines of its configuration."""

    def __init__(self, folder: Path, *settings: str) -> None:
        self.port = free_port()
        self._program = program("mosquitto")
        self._settings = folder / "mosquitto.conf"
        self._log = folder / "mosquitto.log"
        user = ["user root"] if os.geteuid() == 0 else []  # else it becomes one who cannot read our files
        lines = [
            *user,
            f"listener {self.port} 127.0.0.1",
            "log_timestamp_format %s",
            f"persistence_location {folder}/",
            *settings,
        ]
        self._settings.write_text("\n".join(lines) + "\n")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [self._program, "-v", "-c", str(self._settings)], stderr=log, stdout=log
            )
        wait_until(self._listens, lambda: f"Mosquitto listens; {self.log()}")

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def log(self) -> str:
        return self._log.read_text()


@contextlib.contextmanager
def mosquitto(folder: Path, *settings: str) -> Iterator[Mosquitto]:
    broker = Mosquitto(folder, *(settings or ("allow_anonymous true",)))
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


class Heard(Struct, frozen=True):
    """retained: the broker had kept it from before we listened."""

    topic: str
    payload: bytes
    retained: bool


class Listener:
    """Hears every topic; by its name it is known again after a restart of the broker."""

    def __init__(
        self,
        port: int,
        *,
        name: str = "listener",
        login: tuple[str, str] | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.heard: list[Heard] = []
        self._subscribed = False
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
        self._client.reconnect_delay_set(1, 1)
        if login:
            self._client.username_pw_set(*login)
        if context:
            self._client.tls_set_context(context)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.connect_async("localhost", port)
        self._client.loop_start()
        wait_until(lambda: self._subscribed, "the listener has subscribed")

    def _on_subscribe(self, *_: object) -> None:
        self._subscribed = True

    def _on_message(self, _client: object, _data: object, message: Any) -> None:
        self.heard.append(Heard(message.topic, message.payload, message.retain))

    def payloads(self, topic: str) -> list[bytes]:
        return [heard.payload for heard in self.heard if heard.topic.endswith(topic)]

    def wait_for(self, topic: str, payload: bytes | None = None, times: int = 1) -> None:
        """Until a topic that ends so was heard, with this payload if one is given, so many times."""

        def enough() -> bool:
            found = [heard for heard in self.payloads(topic) if payload in (None, heard)]
            return len(found) >= times

        wait_until(
            enough, lambda: f"{times} of {topic} {payload!r}; heard: {[heard.topic for heard in self.heard]}"
        )

    def say(self, topic: str, payload: str, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextlib.contextmanager
def listening(port: int, **options: Any) -> Iterator[Listener]:
    listener = Listener(port, **options)
    try:
        yield listener
    finally:
        listener.close()
