"""What the web sink's tests share: hand-made readings, a loop that publishes them, and clients."""

from __future__ import annotations

import contextlib
import http.client
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from cores import fresh_core
from numpy.typing import NDArray
from websockets.sync.client import ClientConnection, connect

from edge.config import Config, SourceConfig, WebConfig
from edge.core import Core
from edge.messages import (
    Box,
    EmotionChanged,
    Estimate,
    Event,
    Face,
    FaceAppeared,
    FaceLeft,
    Frame,
    Reading,
    State,
    Track,
)
from edge.sinks.web import WebSink

BOX = (100, 60, 160, 130)
SCORES = {"happiness": 0.8, "neutral": 0.15, "fear": 0.05}
TIMEOUT_S = 10


HEAVY: NDArray[np.uint8] = np.random.default_rng(0).integers(0, 256, (960, 1280), np.uint8)
"""Noise: a JPEG of it is about a megabyte, so that a viewer who does not read fills every buffer at once."""


def reading(number: int, *events: Event, luma: NDArray[np.uint8] | None = None) -> Reading:
    """A frame whose brightness is its number, unless it is given, with one happy face."""
    if luma is None:
        luma = np.full((240, 320), number % 256, np.uint8)
    frame = Frame(luma, number / 15, 1.7e9 + number / 15, number)
    track = Track("a1b2c3", Face(Box(*BOX), 0.9), since_s=0, seen_s=frame.time_s, hits=5, visible=True)
    return Reading(frame, (Estimate(track, "happiness", 0.8, SCORES),), events)


def happened(kind: str, number: int = 0) -> Event:
    common: dict[str, Any] = {"time": datetime(2024, 1, 1, tzinfo=UTC), "time_s": 0.0, "camera": "door"}
    common["frame"] = number
    if kind == "appeared":
        return FaceAppeared(track="a1b2c3", box=BOX, **common)
    if kind == "left":
        return FaceLeft(track="a1b2c3", emotion="happiness", duration_s=4.5, **common)
    if kind == "state":
        return State(phase="running", frames_per_s=15.0, people=(), **common)
    changed = {"emotion": "happiness", "previous": None, "score": 0.8, "scores": SCORES}
    return EmotionChanged(track="a1b2c3", box=BOX, **changed, **common)


def settings(**web: Any) -> Config:
    return Config(web=WebConfig(**{"port": 0} | web), source=SourceConfig(camera="door"))


@contextlib.contextmanager
def serving(core: Core | None = None, config: Config | None = None, **web: Any) -> Iterator[WebSink]:
    """A sink on a port of its own; `sink.core` is what the loop would share with it."""
    with tempfile.TemporaryDirectory() as folder:
        core = core or fresh_core(folder)
        sink = WebSink(config or settings(**web), core)
        sink.core = core  # type: ignore[attr-defined]
        try:
            yield sink
        finally:
            sink.close()


@contextlib.contextmanager
def publishing(sink: WebSink, luma: NDArray[np.uint8] | None = None) -> Iterator[None]:
    """Readings flow from a thread, as from the loop, until the block ends."""
    stop = threading.Event()

    def loop() -> None:
        number = 0
        while not stop.wait(0.005):
            number += 1
            sink.publish(reading(number, luma=luma))

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def until(condition: Callable[[], object]) -> None:
    """Wait for what another thread is about to do."""
    end = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@contextlib.contextmanager
def ask(
    sink: WebSink,
    path: str,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
) -> Iterator[http.client.HTTPResponse]:
    """The answer to one request, its body not read yet."""
    address = urlsplit(sink.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT_S)
    try:
        connection.request(method, path, body, headers=headers or {})
        with connection.getresponse() as answer:
            yield answer
    finally:
        connection.close()


def ask_json(sink: WebSink, path: str, method: str = "GET", body: Any = None, **headers: str) -> tuple[int, Any]:
    """Status and answer, the body sent as JSON unless it is bytes."""
    content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    if body is not None:
        headers = {"content_type": "application/json"} | headers
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with ask(sink, path, method, named, content) as answer:
        return answer.status, json.loads(answer.read() or b"null")


def live_url(sink: WebSink) -> str:
    return sink.url.replace("http", "ws") + "api/v1/live"


@contextlib.contextmanager
def watch(sink: WebSink, **options: Any) -> Iterator[ClientConnection]:
    """A viewer that has heard the greeting."""
    with connect(live_url(sink), open_timeout=TIMEOUT_S, proxy=None, **options) as viewer:
        assert next_text(viewer)["type"] == "hello"
        assert next_text(viewer)["type"] == "events"
        yield viewer


def next_text(viewer: ClientConnection) -> dict[str, Any]:
    message = viewer.recv(TIMEOUT_S)
    assert isinstance(message, str)
    return json.loads(message)  # type: ignore[no-any-return]


def next_picture(viewer: ClientConnection) -> tuple[dict[str, Any], bytes]:
    """Ask for a picture; returns its view and the JPEG."""
    viewer.send("next")
    while isinstance(message := viewer.recv(TIMEOUT_S), str):
        pass
    length = int.from_bytes(message[:4], "big")
    return json.loads(message[4 : 4 + length]), message[4 + length :]
