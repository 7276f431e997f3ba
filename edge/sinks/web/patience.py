"""A connection's end for those who open it and say nothing, or say it for ever, or never listen.

uvicorn waits without limit for the first request and for a reader. Here a request must be whole within REQUEST_S,
an answer be taken in SEND_S, and when too many connections are open, the one that is silent longest makes room.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

REQUEST_S = 15.0
"""From the connection, or from its first byte after an answer, to the last byte of the request."""
SEND_S = 30.0
"""Of a full buffer to be emptied: a viewer that takes nothing for so long gives its seat back."""
CONNECTIONS_MAX = 256
INCOMPLETE = (h11.IDLE, h11.SEND_BODY)


class PatientProtocol(H11Protocol):
    """Patient, but not for ever."""

    request_s = REQUEST_S
    send_s = SEND_S
    connections_max = CONNECTIONS_MAX

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.waiting: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > self.connections_max:
            self._make_room()

    def _make_room(self) -> None:
        silent = [other for other in self.connections if isinstance(other, PatientProtocol) and other.waiting]
        # Those who came first have waited longest; this one only goes if nobody else waits.
        first = min(silent, key=lambda other: other.waiting.when() if other.waiting else 0.0, default=self)
        first.give_up()

    def _wait(self) -> None:
        if self.waiting is None:
            self.waiting = self.loop.call_later(self.request_s, self.give_up)

    def _stop_waiting(self) -> None:
        if self.waiting is not None:
            self.waiting.cancel()
            self.waiting = None

    def give_up(self) -> None:
        """Hang up."""
        self._stop_waiting()
        with contextlib.suppress(AttributeError):  # no transport yet
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # Once it is a WebSocket another protocol has the connection; what h11 last saw of it looks incomplete.
        if self.conn.their_state in INCOMPLETE and self.transport.get_protocol() is self:
            self._wait()
        else:
            self._stop_waiting()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._stop_waiting()
        super().handle_websocket_upgrade(event)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stuck = self.loop.call_later(self.send_s, self.give_up)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._move_again()

    def _move_again(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._move_again()
        self._stop_waiting()
        super().connection_lost(exc)
