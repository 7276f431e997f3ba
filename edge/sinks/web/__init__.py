"""The local page and its data, served by a thread of its own.

The pipeline's loop only leaves its newest reading at the hub; encoding and sending happen over there, and only
while somebody watches.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import threading
from typing import TYPE_CHECKING

import uvicorn

from edge.errors import SinkError
from edge.sinks.web.app import Site
from edge.sinks.web.hub import Hub
from edge.sinks.web.pictures import Pictures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.config import Config
    from edge.messages import Event, Reading

log = logging.getLogger("mien.web")

GOODBYE_S, STOP_S = 0.3, 2.0
SEND_BUFFER_BYTES = 64 * 1024
"""Asked of the kernel for each viewer: room for a few pictures, so that a slow one does not watch the past."""


class WebSink:
    """Serves what is published. `url` is where.

    Raises SinkError if the address cannot be listened on.
    """

    def __init__(self, config: Config) -> None:
        listener = listen_on(config.web.host, config.web.port)
        self.url = f"http://{bracketed(config.web.host)}:{listener.getsockname()[1]}/"
        self._hub = Hub(config)
        self._pictures = Pictures(self._hub, config.web.fps)
        self._server = uvicorn.Server(server_config(Site(self._hub, self._pictures)))
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(listener,), name="web", daemon=True)
        self._thread.start()
        log.info("page at %s", self.url)

    def publish(self, reading: Reading) -> None:
        if not self._thread.is_alive():
            raise SinkError(f"web: the page at {self.url} is no longer served")
        self._hub.publish(reading)

    def tell(self, events: Sequence[Event]) -> None:
        if not self._thread.is_alive():
            raise SinkError(f"web: the page at {self.url} is no longer served")
        self._hub.tell(events)

    def close(self) -> None:
        with contextlib.suppress(RuntimeError):  # stopped already
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STOP_S)

    def _run(self, listener: socket.socket) -> None:
        with listener, asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(self._serve(listener))
            except Exception:
                log.exception("the page at %s has stopped", self.url)

    async def _serve(self, listener: socket.socket) -> None:
        self._hub.attach(asyncio.get_running_loop())
        serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        encoding = asyncio.create_task(self._pictures.run())
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({serving, encoding, stopping}, return_when=asyncio.FIRST_COMPLETED)
        self._hub.close()
        self._server.should_exit = True
        await asyncio.wait({serving}, timeout=GOODBYE_S)
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()  # a viewer that does not read would hold us up
        stopping.cancel()
        encoding.cancel()
        await serving
        with contextlib.suppress(asyncio.CancelledError):
            await encoding


def server_config(site: Site) -> uvicorn.Config:
    # uvicorn tells of every malformed or refused request: whoever sends ten thousand must not fill the log.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    return uvicorn.Config(
        site.app(),
        http="h11",
        ws="auto",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ws_max_size=1024,  # a page only ever asks for the next picture
        ws_per_message_deflate=False,  # JPEG does not shrink further
        timeout_graceful_shutdown=1,
    )


def listen_on(host: str, port: int) -> socket.socket:
    """A listening socket. Raises SinkError, naming the setting."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    address = "127.0.0.1" if host == "localhost" else host
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        listener.bind((address, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise SinkError(explain(error, host, port)) from error
    return listener


def explain(error: OSError, host: str, port: int) -> str:
    """The setting, its value and what to do."""
    if error.errno == errno.EADDRINUSE:
        place = f"{bracketed(host)}:{port}"
        return (
            f"web.port = {port}: {place} is taken: choose another or stop what listens there (0 picks a free one)"
        )
    if error.errno == errno.EACCES:
        return f"web.port = {port}: ports below 1024 are the system's: choose a higher one (0 picks a free one)"
    return f"web.host = {host}: cannot be listened on: {error.strerror}"


def bracketed(host: str) -> str:
    """The host as URLs want it."""
    return f"[{host}]" if ":" in host else host
