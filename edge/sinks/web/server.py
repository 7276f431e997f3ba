"""The socket that is listened on, and uvicorn's settings."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from typing import TYPE_CHECKING

import uvicorn

from edge.errors import SinkError
from edge.sinks.web.patience import PatientProtocol

if TYPE_CHECKING:
    from starlette.types import ASGIApp

SEND_BUFFER_BYTES = 64 * 1024
"""Asked of the kernel for each viewer: room for a few pictures, so that a slow one does not watch the past."""
HEAD_BYTES_MAX = 16 * 1024


class Server(uvicorn.Server):
    """uvicorn's, without its ten ticks a second: most of what an idle page cost. The Guard dates answers."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ended = asyncio.Event()

    def end(self) -> None:
        """Stop now. On the server's own event loop."""
        self.should_exit = True
        self._ended.set()

    async def main_loop(self) -> None:
        await self._ended.wait()


def server_config(app: ASGIApp) -> uvicorn.Config:
    # uvicorn tells of every malformed or refused request: whoever sends ten thousand must not fill the log.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    return uvicorn.Config(
        app,
        http=PatientProtocol,
        h11_max_incomplete_event_size=HEAD_BYTES_MAX,
        ws="auto",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
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
    return f"web.bind = {host}: cannot be listened on: {error.strerror}"


def bracketed(host: str) -> str:
    """The host as URLs want it."""
    return f"[{host}]" if ":" in host else host


def url_of(host: str, port: int) -> str:
    """Where a browser finds it: of all addresses, under this machine's name."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104  (compared, not bound)
        host = f"{socket.gethostname().partition('.')[0]}.local"
    return f"http://{bracketed(host)}:{port}/"
