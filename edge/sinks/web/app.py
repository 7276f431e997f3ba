"""The addresses of the web sink. Everything is read-only, and everything that lasts takes a viewer's seat."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocketDisconnect

from edge import __version__
from edge.messages import Event, State
from edge.sinks.web.guard import Guard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractContextManager

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send
    from starlette.websockets import WebSocket

    from edge.sinks.web.hub import Hub
    from edge.sinks.web.pictures import Pictures

PAGE = Path(__file__).parent / "page"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
KEEP_ALIVE_S = 15.0
BOUNDARY = "picture"


class Hello(msgspec.Struct, frozen=True, tag_field="type", tag="hello"):
    """The first message to a page. run: changes when the service restarts.

    stale_s: without a frame for so long there is no live picture.
    """

    run: str
    version: str
    camera: str
    model: str
    stale_s: float


class News(msgspec.Struct, frozen=True, tag_field="type", tag="events"):
    """What has happened since the last message to this page."""

    events: list[Event]


class SeatedStream(StreamingResponse):
    """A response without an end; its seat is free again when the viewer has gone."""

    def __init__(self, seat: AbstractContextManager[None], content: AsyncIterator[bytes], media_type: str) -> None:
        super().__init__(content, media_type=media_type)
        self._seat = seat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._seat:
            await super().__call__(scope, receive, send)


class Site:
    """The handlers."""

    def __init__(self, hub: Hub, pictures: Pictures) -> None:
        self._hub = hub
        self._pictures = pictures
        self._files = {
            path.name: (path.read_bytes(), TYPES[path.suffix]) for path in PAGE.iterdir() if path.suffix in TYPES
        }

    def app(self) -> Guard:
        routes = [
            Route("/", self.page),
            Route("/page/{name}", self.page),
            Route("/healthz", self.healthz),
            Route("/stream.mjpg", self.mjpeg),
            Route("/api/v1/state", self.state),
            Route("/api/v1/events", self.events),
            WebSocketRoute("/api/v1/live", self.live),
        ]
        site = Starlette(routes=routes)
        site.router.redirect_slashes = False
        return Guard(site)

    async def page(self, request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        if name not in self._files:
            return PlainTextResponse("no such file\n", 404)
        content, media_type = self._files[name]
        return Response(content, media_type=media_type)

    async def healthz(self, _request: Request) -> Response:
        health = self._hub.health()
        return _json(health, 200 if health.status == "ok" else 503)

    async def state(self, _request: Request) -> Response:
        moment = self._hub.latest()
        if moment is None:
            return _json({"error": self._hub.health().reason}, 503)
        return _json(self._hub.view(moment))

    async def mjpeg(self, _request: Request) -> Response:
        seat = self._hub.seat()
        if seat is None:
            return self._full()
        return SeatedStream(seat, self._parts(), f"multipart/x-mixed-replace; boundary={BOUNDARY}")

    async def _parts(self) -> AsyncIterator[bytes]:
        after = 0
        while picture := await self._pictures.next(after):
            after = picture.number
            head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture.jpeg)}\r\n\r\n"
            yield head.encode() + picture.jpeg + b"\r\n"

    async def events(self, request: Request) -> Response:
        seat = self._hub.seat()
        if seat is None:
            return self._full()
        return SeatedStream(seat, self._lines(self._resume_at(request)), "text/event-stream")

    def _resume_at(self, request: Request) -> int:
        """The event after which to go on: the last one that a reconnecting listener has heard, else the newest."""
        run, _, number = request.headers.get("last-event-id", "").partition("-")
        if run == self._hub.run_id and number.isascii() and number.isdigit() and len(number) < 16:
            return int(number)
        return self._hub.last_event

    async def _lines(self, after: int) -> AsyncIterator[bytes]:
        yield b": events as they happen\n\n"
        while not self._hub.closed:
            numbered = await self._hub.next_events(after, KEEP_ALIVE_S)
            if not numbered:
                yield b":\n\n"
            for entry in numbered:
                after = entry.number
                line = msgspec.json.encode(entry.event).decode()
                yield f"id: {self._hub.run_id}-{after}\ndata: {line}\n\n".encode()

    async def live(self, websocket: WebSocket) -> None:
        """The page's own channel. It answers each message with news and the newest picture, so nothing piles up."""
        seat = self._hub.seat()
        if seat is None:
            await websocket.send_denial_response(self._full())
            return
        with seat:
            await websocket.accept()
            asked = asyncio.Event()
            tasks = {
                asyncio.create_task(listen(websocket, asked)),
                asyncio.create_task(self._show(websocket, asked)),
            }
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                for result in await asyncio.gather(*tasks, return_exceptions=True):
                    if isinstance(result, Exception) and not isinstance(result, WebSocketDisconnect):
                        raise result

    async def _show(self, websocket: WebSocket, asked: asyncio.Event) -> None:
        hub = self._hub
        heard, seen = hub.last_event, 0
        await websocket.send_text(_text(Hello(hub.run_id, __version__, hub.camera, hub.model, hub.stale_s)))
        await websocket.send_text(_text(News(hub.recent_events())))
        while not hub.closed:
            await asked.wait()
            asked.clear()
            picture = await self._pictures.next(seen)
            if news := [entry for entry in hub.events_after(heard) if not isinstance(entry.event, State)]:
                await websocket.send_text(_text(News([entry.event for entry in news])))
                heard = news[-1].number
            if picture:
                seen = picture.number
                await websocket.send_bytes(picture.message)
        await websocket.close(1012, "Mien is stopping")

    def _full(self) -> Response:
        words = f"every viewer's seat is taken (web.max_watchers = {self._hub.max_watchers}): try again later\n"
        return PlainTextResponse(words, 503, {"Retry-After": "10"})


async def listen(websocket: WebSocket, asked: asyncio.Event) -> None:
    """Any message asks for the next picture. Returns when the viewer has gone."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        asked.set()


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _text(message: Hello | News) -> str:
    return msgspec.json.encode(message).decode()
