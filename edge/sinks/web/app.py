"""The addresses of the web sink. Everything that lasts takes a viewer's seat."""

from __future__ import annotations

import asyncio
from pathlib import Path as File
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocketDisconnect

from edge import __version__
from edge.messages import Event, State
from edge.sinks.web.endpoints import Endpoint, Path, Refusal, answer
from edge.sinks.web.hub import Health
from edge.sinks.web.patience import SEND_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from contextlib import AbstractContextManager

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send
    from starlette.websockets import WebSocket

    from edge.sinks.web.api import Api
    from edge.sinks.web.hub import Hub
    from edge.sinks.web.metrics import Metrics
    from edge.sinks.web.pictures import Pictures

PAGE = File(__file__).parent / "page"
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

    stale_s: without a frame for so long there is no live picture. feedback: whether corrections are kept.
    """

    run: str
    version: str
    camera: str
    model: str
    stale_s: float
    feedback: bool
    history: bool


class News(msgspec.Struct, frozen=True, tag_field="type", tag="events"):
    """What has happened since the last message to this page."""

    events: list[Event]


class Hidden(msgspec.Struct, frozen=True, tag_field="type", tag="private"):
    """Instead of a picture: privacy is on, and the page must show none."""


class SeatedStream(StreamingResponse):
    """A response without an end; its seat is free again when the viewer has gone."""

    def __init__(self, seat: AbstractContextManager[None], content: AsyncIterator[bytes], media_type: str) -> None:
        super().__init__(content, media_type=media_type)
        self._seat = seat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._seat:
            await super().__call__(scope, receive, send)


class Site:
    """The handlers that are no JSON."""

    def __init__(
        self, hub: Hub, pictures: Pictures, metrics: Callable[[], Metrics], api: Api, hello: Hello
    ) -> None:
        self._hub = hub
        self._pictures = pictures
        self._make_metrics = metrics
        self._metrics: Metrics | None = None
        self._api = api
        self._hello = hello
        self._files = {
            path.name: (path.read_bytes(), TYPES[path.suffix]) for path in PAGE.iterdir() if path.suffix in TYPES
        }

    def app(self) -> Starlette:
        streams = [
            Endpoint(path="/healthz", does="Whether frames go through", act=self.healthz, gives=Health, open=True),
            Endpoint(path="/metrics", does="For Prometheus", act=self.metrics, media="text/plain"),
            Endpoint(path="/stream.mjpg", does="The picture, without an end", act=self.mjpeg,
                     media="multipart/x-mixed-replace"),
            Endpoint(path="/api/v1/events", does="Events as they happen", act=self.events,
                     media="text/event-stream"),
        ]  # fmt: skip
        self._api.endpoints.extend(streams)
        by_path: dict[str, list[Endpoint]] = {}
        for endpoint in self._api.endpoints:
            by_path.setdefault(endpoint.path, []).append(endpoint)
        page = Path([Endpoint(path="/page/{name}", does="The page", act=self.page)])
        routes = [
            Route("/", page),
            Route("/page/{name}", page),
            *(Route(path, Path(endpoints)) for path, endpoints in by_path.items()),
            WebSocketRoute("/api/v1/events/live", self.live_events),
            WebSocketRoute("/api/v1/live", self.live),
        ]
        site = Starlette(routes=routes, exception_handlers={404: nothing_there})
        site.router.redirect_slashes = False
        return site

    async def page(self, request: Request, *_: object) -> Response:
        name = request.path_params.get("name", "index.html")
        if name not in self._files:
            raise Refusal(404, "no such file")
        content, media_type = self._files[name]
        return Response(content, media_type=media_type)

    async def healthz(self, *_: object) -> Response:
        health = self._hub.health()
        return answer(health, 200 if health.status in {"ok", "private"} else 503)

    async def metrics(self, request: Request, *_: object) -> Response:
        content, media_type = await asyncio.to_thread(self._write_metrics, request.headers.get("accept", ""))
        return Response(content, headers={"Content-Type": media_type})

    def _write_metrics(self, accept: str) -> tuple[bytes, str]:
        self._metrics = self._metrics or self._make_metrics()
        return self._metrics.write(accept)

    async def mjpeg(self, *_: object) -> Response:
        return SeatedStream(self._seat(), self._parts(), f"multipart/x-mixed-replace; boundary={BOUNDARY}")

    async def _parts(self) -> AsyncIterator[bytes]:
        after = 0
        while picture := await self._pictures.next(after):
            after = picture.number
            head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture.jpeg)}\r\n\r\n"
            yield head.encode() + picture.jpeg + b"\r\n"
            if picture.private:
                # A browser shows a part when the next one begins.
                yield head.encode() + picture.jpeg + b"\r\n"

    async def events(self, request: Request, *_: object) -> Response:
        return SeatedStream(self._seat(), self._lines(self._resume_at(request)), "text/event-stream")

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
        await self._converse(websocket, self._show)

    async def live_events(self, websocket: WebSocket) -> None:
        """One event a message, as it happens; what comes from the other side is not looked at."""
        await self._converse(websocket, self._tell)

    async def _tell(self, websocket: WebSocket, _asked: asyncio.Event) -> None:
        after = self._hub.last_event
        while not self._hub.closed:
            for entry in await self._hub.next_events(after, KEEP_ALIVE_S):
                after = entry.number
                async with asyncio.timeout(SEND_S):
                    await websocket.send_text(msgspec.json.encode(entry.event).decode())
        await websocket.close(1012, "Mien is stopping")

    async def _converse(
        self, websocket: WebSocket, say: Callable[[WebSocket, asyncio.Event], Coroutine[Any, Any, None]]
    ) -> None:
        try:
            seat = self._seat()
        except Refusal as refusal:
            await websocket.send_denial_response(refusal.response())
            return
        with seat:
            await websocket.accept()
            asked = asyncio.Event()
            tasks = {
                asyncio.create_task(listen(websocket, asked)),
                asyncio.create_task(say(websocket, asked)),
            }
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                for result in await asyncio.gather(*tasks, return_exceptions=True):
                    if isinstance(result, Exception) and not isinstance(result, WebSocketDisconnect | TimeoutError):
                        raise result

    async def _show(self, websocket: WebSocket, asked: asyncio.Event) -> None:
        hub = self._hub
        heard, seen = hub.last_event, 0
        await websocket.send_text(_text(msgspec.structs.replace(self._hello, model=hub.model)))
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
                async with asyncio.timeout(SEND_S):
                    await (
                        websocket.send_text(_text(Hidden()))
                        if picture.private
                        else websocket.send_bytes(picture.message)
                    )
        await websocket.close(1012, "Mien is stopping")

    def _seat(self) -> AbstractContextManager[None]:
        """A viewer's. Raises Refusal if all are taken."""
        seat = self._hub.seat()
        if seat is None:
            words = f"every viewer's seat is taken (web.max_watchers = {self._hub.max_watchers}): try again later"
            raise Refusal(503, words, {"Retry-After": "10"})
        return seat


async def listen(websocket: WebSocket, asked: asyncio.Event) -> None:
    """Any message asks for the next picture. Returns when the viewer has gone."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        asked.set()


async def nothing_there(_request: Request, _error: Exception) -> Response:
    return Refusal(404, "nothing is there").response()


def hello_of(hub: Hub, *, feedback: bool, history: bool) -> Hello:
    return Hello(hub.run_id, __version__, hub.camera, hub.model, hub.stale_s, feedback, history)


def _text(message: Hello | News | Hidden) -> str:
    return msgspec.json.encode(message).decode()
