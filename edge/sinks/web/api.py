"""The JSON API: one Endpoint an address and method, and what each does. docs/WEB.md describes it for people."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from edge.errors import PrivacyError, SinkError
from edge.feedback import open_store
from edge.sinks.history.read import StoredEvent
from edge.sinks.web.access import SESSION, SignIn
from edge.sinks.web.device import Device, device
from edge.sinks.web.endpoints import Endpoint, Refusal
from edge.sinks.web.openapi import describe
from edge.sinks.web.past import Past, Presence, Since, Span
from edge.sinks.web.rates import Rate
from edge.sinks.web.upload import BYTES_MAX, TYPES, StillFaces, Stills
from edge.sinks.web.view import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from edge.config import Config
    from edge.core import Core
    from edge.feedback import Glimpses
    from edge.sinks.web.access import Access
    from edge.sinks.web.device import Vitals
    from edge.sinks.web.hub import Hub

ROOT = "/api/v1"
CHANGES, CHANGES_PER_S = 30, 1.0


class Switch(Struct, frozen=True, forbid_unknown_fields=True):
    """How the privacy switch is to stand."""

    on: bool


class PrivacyState(Struct, frozen=True):
    """How it stands, who turned it, when (seconds since 1970), and what the loop does about it."""

    on: bool
    by: str
    at: float
    phase: str


class Correction(Struct, frozen=True, forbid_unknown_fields=True):
    """A face that was labelled wrongly. frame: where it was seen so; the newest one if left out."""

    track: Annotated[str, Meta(max_length=64)]
    emotion: Annotated[str, Meta(max_length=32, description="the right label, one of Mien's eight")]
    frame: Annotated[int, Meta(ge=0)] | None = None


class Corrections(Struct, frozen=True):
    """What is kept: how many faces of each label."""

    enabled: bool
    labels: dict[str, int]


class Deleted(Struct, frozen=True):
    """How many faces were deleted."""

    deleted: int


class Api:
    """The handlers."""

    def __init__(
        self,
        config: Config,
        core: Core,
        hub: Hub,
        *,
        vitals: Vitals,
        glimpses: Glimpses | None,
        access: Access | None,
    ) -> None:
        self._core, self._hub, self._vitals = core, hub, vitals
        self._stills = Stills(config)
        self._past = Past(config.history)
        self._glimpses = glimpses
        self._store = open_store(config.feedback)
        self._access = access
        self._changes = Rate(CHANGES, CHANGES_PER_S)
        self.endpoints = self._endpoints()

    def _endpoints(self) -> list[Endpoint]:
        one = Endpoint
        found = [
            one(path=f"{ROOT}/state", does="Who is in view now", act=self.state, gives=View),
            one(path=f"{ROOT}/device", does="How the device is", act=self.device, gives=Device),
            one(path=f"{ROOT}/privacy", does="How the privacy switch stands", act=self.privacy, gives=PrivacyState),
            one(path=f"{ROOT}/privacy", method="PUT", does="Turn the privacy switch: on closes the camera",
                act=self.set_privacy, body=Switch, gives=PrivacyState),
            one(path=f"{ROOT}/history/presence", does="Face-seconds by emotion, by hour or day",
                act=self.presence, query=Span, gives=list[Presence]),
            one(path=f"{ROOT}/history/events", does="Recorded events", act=self.past_events, query=Since,
                gives=list[StoredEvent]),
            one(path=f"{ROOT}/predict", method="POST", does="Faces and emotions in a picture, which is not kept",
                act=self.predict, uploads=TYPES, upload_bytes=BYTES_MAX, gives=StillFaces),
            one(path=f"{ROOT}/feedback", does="What is kept of corrections", act=self.corrections,
                gives=Corrections),
            one(path=f"{ROOT}/feedback", method="POST", does="Correct a face's label and keep its crop",
                act=self.correct, body=Correction, gives=Corrections, status=201),
            one(path=f"{ROOT}/feedback", method="DELETE", does="Delete every kept face", act=self.delete,
                gives=Deleted),
            one(path=f"{ROOT}/openapi.json", does="This description", act=self.openapi, gives=dict[str, Any]),
        ]  # fmt: skip
        if self._access:
            found += [
                one(path=SESSION, method="POST", does="Exchange the token for a cookie", body=SignIn, status=204,
                    act=self._access.sign_in, open=True),
                one(path=SESSION, method="DELETE", does="Forget the cookie", act=self._access.sign_out, status=204,
                    open=True),
            ]  # fmt: skip
        return found

    async def state(self, *_: object) -> View:
        moment = self._hub.latest()
        if moment is None:
            raise Refusal(503, self._hub.health().reason)
        return self._hub.view(moment)

    async def device(self, *_: object) -> Device:
        await asyncio.to_thread(self._vitals.look)
        return device(self._core, self._hub, self._vitals)

    async def privacy(self, *_: object) -> PrivacyState:
        return PrivacyState(**msgspec.structs.asdict(self._core.privacy.switched), phase=self._core.state.phase)

    async def set_privacy(self, request: Request, _query: object, switch: Switch) -> PrivacyState:
        self._changing(request)
        try:
            await asyncio.to_thread(self._core.privacy.set, switch.on, by="web")
        except PrivacyError as error:
            raise Refusal(500, str(error)) from error
        self._core.requests.wake.set()
        return await self.privacy()

    async def presence(self, _request: Request, span: Span, _body: object) -> list[Presence]:
        return await asyncio.to_thread(self._past.presence, span)

    async def past_events(self, _request: Request, since: Since, _body: object) -> list[StoredEvent]:
        return await asyncio.to_thread(self._past.events, since)

    async def predict(self, request: Request, _query: object, content: bytes) -> StillFaces:
        self._changing(request)
        return await asyncio.to_thread(self._stills.look, content)

    async def corrections(self, *_: object) -> Corrections:
        return Corrections(self._glimpses is not None, await asyncio.to_thread(self._store.counts))

    async def correct(self, request: Request, _query: object, correction: Correction) -> Corrections:
        self._changing(request)
        if self._glimpses is None:
            raise Refusal(404, "no feedback is kept (feedback.enabled)")
        seen = self._glimpses.find(correction.track, correction.frame)
        if seen is None:
            raise Refusal(404, f"track {correction.track!r}: no such face was in view lately")
        return await self._changed(lambda: self._store.keep(seen, correction.emotion))

    async def delete(self, request: Request, *_: object) -> Deleted:
        self._changing(request)
        try:
            return Deleted(await asyncio.to_thread(self._store.delete))
        except SinkError as error:
            raise Refusal(500, str(error)) from error

    async def _changed(self, change: Callable[[], object]) -> Corrections:
        try:
            await asyncio.to_thread(change)
        except SinkError as error:
            raise Refusal(422, str(error)) from error
        return await self.corrections()

    async def openapi(self, *_: object) -> dict[str, Any]:
        return describe(self.endpoints, guarded=self._access is not None)

    def _changing(self, request: Request) -> None:
        if not self._changes.take(str(request.client.host if request.client else "")):
            raise Refusal(429, "too many changes: wait a little", {"Retry-After": "2"})
