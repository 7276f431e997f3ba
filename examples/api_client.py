"""A client of Mien's API in the standard library alone: who is in view, what happens, and the privacy switch.

    python examples/api_client.py                             # the service on this machine
    MIEN_TOKEN=... python examples/api_client.py http://mien.local:8321/

Prints a line for every face that comes, goes or looks otherwise. docs/WEB.md describes the API.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

SILENCE_S = 60
"""The service says something every few seconds, if only that it is still there."""
AGAIN_S = 5

JSON = "application/json"

Event = Answer = dict[str, Any]


class RefusedError(Exception):
    """The service understood and said no, in these words."""


class AwayError(ConnectionError):
    """Nobody answers there, or no longer."""


class Mien:
    """The service at an address. token: what `mien token new` printed, where one is asked for."""

    def __init__(self, address: str = "http://127.0.0.1:8321/", token: str | None = None) -> None:
        self._root = f"{address.rstrip('/')}/api/v1"
        self._token = token

    def state(self) -> Answer:
        """Who is in view now. Raises RefusedError while there is no camera."""
        return self._json("GET", "state")

    def device(self) -> Answer:
        """How the device is."""
        return self._json("GET", "device")

    def faces_in(self, picture: Path) -> Answer:
        """Faces and emotions in a JPEG or PNG, which the service does not keep."""
        kind = "image/png" if picture.suffix.lower() == ".png" else "image/jpeg"
        return self._json("POST", "predict", picture.read_bytes(), kind)

    def set_privacy(self, *, on: bool) -> Answer:
        """Close the camera, or let it be opened again."""
        return self._json("PUT", "privacy", json.dumps({"on": on}).encode())

    def events(self) -> Iterator[Event]:
        """Events as they happen, without an end. Raises AwayError when the service stops."""
        with self._open("GET", "events") as lines:
            try:
                for line in lines:
                    field, _, value = line.decode().rstrip("\n").partition(": ")
                    if field == "data":
                        yield json.loads(value)
            except (OSError, HTTPException) as error:
                raise AwayError(f"{self._root}: {error}") from error
        raise AwayError(f"{self._root}: the service has stopped")

    def _json(self, method: str, path: str, body: bytes | None = None, kind: str = JSON) -> Answer:
        with self._open(method, path, body, kind) as answer:
            found: Answer = json.load(answer)
            return found

    def _open(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> HTTPResponse:
        headers = {"Content-Type": kind} if body is not None else {}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(f"{self._root}/{path}", body, headers, method=method)
        try:
            answer: HTTPResponse = urllib.request.urlopen(request, timeout=SILENCE_S)
        except urllib.error.HTTPError as error:
            with error:
                raise RefusedError(json.load(error)["error"]) from error
        except OSError as error:
            raise AwayError(f"{self._root}: {error}") from error
        return answer


def line_of(event: Event) -> str | None:
    """An event in words; None for a state, which repeats what is known."""
    who = f"{event['time']}  face {event.get('track')}"
    if event["type"] == "emotion_changed":
        return f"{who} looks like {event['emotion']} ({event['score']:.2f})"
    return {"face_appeared": f"{who} appeared", "face_left": f"{who} left"}.get(event["type"])


def main() -> None:
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8321/"
    mien = Mien(address, os.environ.get("MIEN_TOKEN"))
    while True:
        try:
            for event in mien.events():
                if line := line_of(event):
                    print(line, flush=True)
        except AwayError as error:
            print(f"{error}: trying again", file=sys.stderr)
            time.sleep(AGAIN_S)


if __name__ == "__main__":
    try:
        main()
    except RefusedError as error:
        sys.exit(f"refused: {error}")
    except KeyboardInterrupt:
        sys.exit()
