"""paho's client in a thread of our own, on the calls that paho offers for other programs' loops.

paho's own thread is woken by every message and once a second besides; this one once for all that waits.
"""

from __future__ import annotations

import logging
import os
import select
import ssl
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from paho.mqtt.client import Client, SocketLike

log = logging.getLogger("mien.mqtt")

RECONNECT_FIRST_S, RECONNECT_MAX_S = 1.0, 60.0
ONCE = (1).to_bytes(8, sys.byteorder)
"""What an eventfd counts up by (eventfd(2)): it is lighter than a pair of sockets."""
LOOKS_A_KEEPALIVE = 6
"""How often a silent connection is looked after."""


class Network:
    """Connects, again and again with back-off, and carries what is read and written.

    send: called in the thread whenever there may be something to send. written: when all of it has gone out.
    lost: with what a failed attempt to connect raised.
    ended: whether the thread is gone, by `finish`, by `end`, or by a fault of ours that the log then has.
    """

    def __init__(
        self,
        client: Client,
        keepalive_s: float,
        *,
        send: Callable[[], None],
        written: Callable[[], None],
        lost: Callable[[Exception], None],
    ) -> None:
        self.ended = False
        self._finishing, self._ending = False, False
        self._client = client
        self._send = send
        self._written = written
        self._lost = lost
        self._look_every_s = keepalive_s / LOOKS_A_KEEPALIVE
        self._delay_s = 0.0
        self._is_woken = False
        self._bell = open(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC), "r+b", buffering=0)  # noqa: SIM115, PTH123
        # Else a ring could go to whatever file has got the number of the bell that the thread has just closed.
        self._bell_lock = threading.Lock()
        # With a callback here paho only queues what is published; `_talk` writes it.
        client.on_socket_register_write = lambda *_: None
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    def start(self) -> None:
        """From now on there are calls from the thread."""
        self._thread.start()

    def wake(self) -> None:
        """There is something to send. From any thread; costs next to nothing if somebody did so just before."""
        if not self._is_woken:
            self._is_woken = True
            self._ring()

    def _ring(self) -> None:
        with self._bell_lock:
            if not self._bell.closed:  # as it is once the thread has ended
                self._bell.write(ONCE)

    def finish(self) -> None:
        """Connect no more; what is said on the connection that there is goes out until the client disconnects."""
        self._finishing = True
        self._ring()

    def end(self) -> None:
        """Hang up, whatever waits."""
        self._finishing = self._ending = True
        self._ring()

    def connected(self) -> None:
        """The broker has let us in: the next back-off starts anew."""
        self._delay_s = 0.0

    def _run(self) -> None:
        try:
            while not self._finishing:
                self._connect_and_talk()
                self._back_off()
        except Exception:
            log.exception("mqtt: nothing more is published")
        finally:
            self.ended = True
            if connection := self._client.socket():
                connection.close()
            with self._bell_lock:
                self._bell.close()

    def _connect_and_talk(self) -> None:
        try:
            self._client.reconnect()
        except (OSError, ValueError) as error:  # a name that cannot be encoded is the latter
            self._lost(error)
            return
        while not self._ending and (connection := self._client.socket()):
            self._talk(connection)

    def _talk(self, connection: SocketLike) -> None:
        """Send what waits, and wait for more or for the broker."""
        client = self._client
        self._send()
        while client.want_write():
            self._write()
            if client.want_write():
                break  # the broker takes no more just now
            self._written()
            self._send()  # what is written may let more go
        if client.socket() is None:
            return
        # What TLS has decrypted already wakes nobody.
        pending = isinstance(connection, ssl.SSLSocket) and connection.pending() > 0
        writing = [connection] if client.want_write() else []
        timeout_s = 0.0 if pending else self._look_every_s
        sources: list[Any] = [connection, self._bell]
        readable, _, _ = select.select(sources, writing, [], timeout_s)
        if self._bell in readable:
            self._heard()
        if pending or connection in readable:
            client.loop_read()
        client.loop_misc()

    def _write(self) -> None:
        # Of each message without a QoS paho tells with objects that take it longer than the message itself.
        told, self._client.on_publish = self._client.on_publish, None
        try:
            self._client.loop_write()
        finally:
            self._client.on_publish = told

    def _heard(self) -> None:
        self._bell.read(len(ONCE))
        self._is_woken = False  # before anything is looked at: what comes from now on rings again

    def _back_off(self) -> None:
        self._delay_s = min(self._delay_s * 2 or RECONNECT_FIRST_S, RECONNECT_MAX_S)
        until_s = time.monotonic() + self._delay_s
        while not self._finishing and (left_s := until_s - time.monotonic()) > 0:
            if select.select([self._bell], [], [], left_s)[0]:
                self._heard()
