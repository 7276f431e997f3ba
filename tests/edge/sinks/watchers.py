"""Viewers and idlers in a process of their own: python watchers.py PORT VIEWERS IDLERS; "ready" once all are there.

A viewer asks for each picture as the page does. An idler opens a connection and stops at some point of a request;
hung up on, it comes again.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

PATIENCE_S = 60
STARTS = (
    b"",
    b"GET / HTTP/1.1\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    b"POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 100\r\n\r\n{",
)
"""Where a request can stop."""


@contextlib.contextmanager
def viewer(port: int) -> Iterator[ClientConnection]:
    """One that has been given a seat. Raises websockets' InvalidStatus where there is none."""
    with connect(f"ws://127.0.0.1:{port}/api/v1/live", open_timeout=PATIENCE_S, proxy=None) as client:
        assert json.loads(client.recv(PATIENCE_S))["type"] == "hello"
        yield client


def look(port: int, seated: threading.Semaphore) -> None:
    with contextlib.suppress(ConnectionClosed), viewer(port) as client:
        seated.release()
        client.send("next")
        while True:
            if isinstance(client.recv(), bytes):
                client.send("next")


def idler(port: int, number: int) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
    client.sendall(STARTS[number % len(STARTS)])
    client.setblocking(False)
    return client


def has_ended(client: socket.socket) -> bool:
    try:
        while client.recv(4096):
            pass
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def main() -> None:
    port, viewers, idlers = (int(word) for word in sys.argv[1:])
    seated = threading.Semaphore(0)
    for _ in range(viewers):
        threading.Thread(target=look, args=(port, seated), daemon=True).start()
        assert seated.acquire(timeout=PATIENCE_S)
    silent = [idler(port, number) for number in range(idlers)]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        time.sleep(1)
        for number, client in enumerate(silent):
            if has_ended(client):
                client.close()
                silent[number] = idler(port, number)


if __name__ == "__main__":
    main()
