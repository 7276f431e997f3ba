"""The local page and its data, served by a thread of its own.

The pipeline's loop only leaves its newest reading at the hub; encoding and sending happen over there, and only
while somebody watches.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from typing import TYPE_CHECKING

from edge.errors import SinkError
from edge.feedback import Glimpses
from edge.model.package import model_path, read_package
from edge.sinks.web.access import Access
from edge.sinks.web.announce import Announcement
from edge.sinks.web.api import Api
from edge.sinks.web.app import Site, hello_of
from edge.sinks.web.device import Vitals
from edge.sinks.web.guard import Guard
from edge.sinks.web.hub import Hub
from edge.sinks.web.names import is_loopback
from edge.sinks.web.pictures import Pictures
from edge.sinks.web.server import Server, listen_on, server_config, url_of
from edge.sinks.web.token import Keeper, token_path

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from edge.config import Config
    from edge.core import Core
    from edge.messages import Event, Reading
    from edge.sinks.web.metrics import Metrics

log = logging.getLogger("mien.web")

GOODBYE_S, STOP_S = 0.3, 2.0


class WebSink:
    """Serves what is published. `url` is where.

    Raises SinkError if the address cannot be listened on, or the local network would be let in without a token.
    """

    def __init__(self, config: Config, core: Core) -> None:
        web = config.web
        local = is_loopback(web.bind) and not web.require_token
        access = None if local else Access(Keeper(token_path(web)))
        manifest = read_package(model_path(config.classify.model)).manifest
        self._glimpses = Glimpses(manifest.crop) if config.feedback.enabled else None
        listener = listen_on(web.bind, web.port)
        self.port: int = listener.getsockname()[1]
        self.url = url_of(web.bind, self.port)
        self._hub = Hub(config, core)
        self._pictures = Pictures(self._hub, web.fps)
        forgetting = [self._hub.forget, self._pictures.forget]
        if self._glimpses:
            forgetting.append(self._glimpses.forget)
        self._leave = core.join(*forgetting)
        self._vitals = vitals = Vitals()
        api = Api(config, core, self._hub, vitals=vitals, glimpses=self._glimpses, access=access)

        def metrics() -> Metrics:
            # prometheus-client is only loaded where somebody asks.
            from edge.sinks.web.metrics import Metrics

            return Metrics(core, self._hub, vitals)

        hello = hello_of(self._hub, feedback=config.feedback.enabled, history=config.history.enabled)
        site = Site(self._hub, self._pictures, metrics, api, hello)
        names = None if local else web.names
        self._server = Server(server_config(Guard(site.app(), names, access)))
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, args=(listener,), name="web", daemon=True)
        self._thread.start()
        log.info("page at %s", self.url)
        self._announcement: Announcement | None = None
        if not is_loopback(web.bind):
            if web.announce:
                self._announcement = Announcement(f"Mien {config.source.camera}", self.port)
            log.warning("the local network is let in with the token; plain HTTP: who listens on it can read along")

    def publish(self, reading: Reading) -> None:
        self._check()
        if self._glimpses:
            self._glimpses.take(reading)
        self._hub.publish(reading)

    def tell(self, events: Sequence[Event]) -> None:
        self._check()
        self._hub.tell(events)

    def _check(self) -> None:
        if self._ended:
            raise SinkError(f"web: the page at {self.url} is no longer served")

    def close(self) -> None:
        self._leave()
        if self._announcement:
            self._announcement.close()
        with contextlib.suppress(RuntimeError):  # stopped already
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STOP_S)

    def _run(self, listener: socket.socket) -> None:
        with listener, asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(self._serve(listener))
            except Exception:
                log.exception("the page at %s has stopped", self.url)
            finally:
                self._ended = True

    async def _serve(self, listener: socket.socket) -> None:
        self._hub.attach(asyncio.get_running_loop())
        serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        encoding = asyncio.create_task(self._pictures.run())
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({serving, encoding, stopping}, return_when=asyncio.FIRST_COMPLETED)
        self._hub.close()
        self._server.end()
        await asyncio.wait({serving}, timeout=GOODBYE_S)
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()  # a viewer that does not read would hold us up
        stopping.cancel()
        encoding.cancel()
        await serving
        with contextlib.suppress(asyncio.CancelledError):
            await encoding
