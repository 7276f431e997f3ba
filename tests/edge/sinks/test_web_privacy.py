"""Viewers when privacy is turned on: each sees black at once, and nothing from before ever comes again."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from web_client import ask, happened, next_picture, next_text, publishing, reading, serving, until, watch

from edge.core import Core
from edge.sinks.web import WebSink


@pytest.fixture
def sink() -> Iterator[WebSink]:
    with serving(fps=60) as sink:
        yield sink


def core_of(sink: WebSink) -> Core:
    return sink.core  # type: ignore[attr-defined, no-any-return]


def next_part(answer: http.client.HTTPResponse) -> np.ndarray:
    """The next picture of the plain stream."""
    while not answer.readline().startswith(b"Content-Length"):
        pass
    answer.readline()
    # The length is known from the line before; a JPEG ends with its own mark.
    content = b""
    while not content.endswith(b"\xff\xd9"):
        content += answer.read(1)
    answer.readline()
    return np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED))


def test_the_page_is_told_at_once_and_gets_pictures_again_when_it_is_off(sink: WebSink) -> None:
    with watch(sink) as viewer:
        sink.publish(reading(100))
        assert next_picture(viewer)[0]["frame"] == 100
        viewer.send("next")
        core_of(sink).privacy.set(on=True, by="test")
        assert next_text(viewer) == {"type": "private"}
        viewer.send("next")
        core_of(sink).privacy.set(on=False, by="test")
        sink.publish(reading(200))
        assert next_picture(viewer)[0]["frame"] == 200


def test_a_page_that_opens_while_it_is_on_is_told_too(sink: WebSink) -> None:
    sink.publish(reading(100))
    core_of(sink).privacy.set(on=True, by="test")
    with watch(sink) as viewer:
        viewer.send("next")
        assert next_text(viewer) == {"type": "private"}


def test_the_plain_stream_turns_black(sink: WebSink) -> None:
    with publishing(sink), ask(sink, "/stream.mjpg") as answer:
        until(lambda: next_part(answer).mean() > 20)
        core_of(sink).privacy.set(on=True, by="test")
        # A few that were on their way may still come; then it is black twice, for browsers show a part late.
        until(lambda: next_part(answer).max() == 0)
        assert next_part(answer).max() == 0
        core_of(sink).privacy.set(on=False, by="test")
        assert next_part(answer).mean() > 0


def test_a_service_that_starts_private_shows_black(sink: WebSink) -> None:
    core = core_of(sink)
    core.privacy.set(on=True, by="test")
    with serving(core, fps=60) as second, ask(second, "/stream.mjpg") as answer:
        assert next_part(answer).max() == 0
        assert answer.fp is not None


def test_no_picture_from_before_is_kept_in_memory(sink: WebSink) -> None:
    with watch(sink) as viewer:
        sink.publish(reading(100))
        next_picture(viewer)
        core_of(sink).privacy.set(on=True, by="test")
    until(lambda: sink._hub.watchers == 0)
    assert sink._hub._moment is None
    assert sink._pictures._latest is None or sink._pictures._latest.private


def test_a_sink_that_was_closed_is_told_nothing_and_not_kept() -> None:
    with serving() as first:
        core = core_of(first)
        assert core.privacy._hooks
    assert core.privacy._hooks == []


def test_listeners_stay_and_hear_the_next_events(sink: WebSink) -> None:
    with ask(sink, "/api/v1/events") as answer:
        assert answer.readline().startswith(b":")
        core_of(sink).privacy.set(on=True, by="test")
        sink.tell([happened("state")])
        while not (line := answer.readline()).startswith(b"data:"):
            assert line
        assert b'"type":"state"' in line
