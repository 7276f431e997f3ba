"""The web sink over real HTTP on loopback: what it serves, to how many, and what it leaves to the loop."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from cores import fresh_core
from web_client import (
    HEAVY,
    TIMEOUT_S,
    ask,
    ask_json,
    happened,
    live_url,
    next_picture,
    next_text,
    publishing,
    reading,
    serving,
    settings,
    until,
    watch,
)
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from edge.config import Config, JsonlConfig, WebConfig
from edge.core import new_core
from edge.errors import SinkError
from edge.model.package import DEFAULT_MODEL
from edge.sinks import open_sinks
from edge.sinks.web import WebSink
from edge.sinks.web.hub import EVENTS_KEPT, Hub
from edge.sinks.web.pictures import MAX_WIDTH_PX, Pace, jpeg


@pytest.fixture
def sink() -> Iterator[WebSink]:
    with serving(fps=60) as sink:
        yield sink


# ---- starting and stopping


def test_the_config_opens_it_and_its_address_answers_at_once() -> None:
    (sink,) = open_sinks(config := Config(web=WebConfig(port=0), jsonl=JsonlConfig(stdout=False)), new_core(config))
    assert isinstance(sink, WebSink)
    with ask(sink, "/") as answer:
        assert answer.status == 200
    sink.close()


def test_the_address_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "mien"), serving() as sink:
        assert f"page at {sink.url}" in caplog.messages


def test_a_taken_port_is_one_line_that_says_what_to_do(sink: WebSink) -> None:
    port = urlsplit(sink.url).port
    with pytest.raises(SinkError) as error:
        WebSink(settings(port=port), fresh_core())
    assert str(error.value) == (
        f"web.port = {port}: 127.0.0.1:{port} is taken: choose another or stop what listens there"
        " (0 picks a free one)"
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_every_host_that_the_config_allows_is_served_under_its_own_url(host: str) -> None:
    try:
        socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        pytest.skip(f"this machine has no {host}: {error}")
    with serving(bind=host) as sink, ask(sink, "/") as answer:
        assert urlsplit(sink.url).hostname == host
        assert answer.status == 200


def test_closing_tells_the_viewers_and_frees_the_port_even_if_one_does_not_read() -> None:
    with serving(fps=60) as sink, watch(sink) as viewer:
        address = ("127.0.0.1", urlsplit(sink.url).port or 0)
        with socket.create_connection(address) as deaf:
            deaf.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
            until(lambda: sink._hub.watchers == 2)
            for number in range(8):
                sink.publish(reading(number, luma=HEAVY))
                next_picture(viewer)
            viewer.send("next")
            sink.close()
            assert not sink._thread.is_alive()
            with pytest.raises(ConnectionClosed) as end:
                viewer.recv(TIMEOUT_S)
            assert end.value.rcvd
            assert end.value.rcvd.code == 1012
        socket.create_server(address).close()


def test_a_closed_sink_refuses_readings_in_one_line_and_may_be_closed_again(sink: WebSink) -> None:
    sink.close()
    sink.close()
    with pytest.raises(SinkError, match="no longer served"):
        sink.publish(reading(1))


# ---- state and health


def test_before_the_first_frame_health_and_state_say_that_none_has_come(sink: WebSink) -> None:
    status, health = ask_json(sink, "/healthz")
    assert (status, health["status"], health["reason"]) == (503, "starting", "no frame has come yet")
    assert ask_json(sink, "/api/v1/state") == (503, {"error": "no frame has come yet"})


def test_the_state_is_the_newest_reading(sink: WebSink) -> None:
    sink.publish(reading(1))
    sink.publish(reading(15))
    status, state = ask_json(sink, "/api/v1/state")
    assert status == 200
    assert state["frame"] == 15
    assert state["size"] == [320, 240]
    assert (state["camera"], state["model"], state["schema"]) == ("door", DEFAULT_MODEL, 1)
    assert state["time"] == "2023-11-14T22:13:21Z"
    assert state["people"] == [
        {
            "track": "a1b2c3",
            "box": [100, 60, 160, 130],
            "visible": True,
            "in_view_s": 1.0,
            "emotion": "happiness",
            "score": 0.8,
            "scores": {"happiness": 0.8, "neutral": 0.15, "fear": 0.05},
        }
    ]
    assert ask_json(sink, "/healthz")[0] == 200


def test_health_follows_the_frames() -> None:
    clock = [100.0]
    hub = Hub(settings(), fresh_core(), clock=lambda: clock[0])
    for number in range(31):
        clock[0] = 100 + number / 10
        hub.publish(reading(number))
    assert hub.health().status == "ok"
    assert hub.health().frames_per_s == 10
    clock[0] += 2.9
    assert hub.latest() is not None
    clock[0] += 0.2
    assert hub.latest() is None
    assert (hub.health().status, hub.health().reason) == ("no-frames", "no frame for 3 s")
    hub.publish(reading(32))
    assert hub.health().status == "ok"


def test_a_slow_camera_is_given_three_of_its_own_frames_time() -> None:
    assert Hub(Config(), fresh_core()).stale_s == 3
    slow = Config(source=Config().source.__class__(fps=0.1))
    assert Hub(slow, fresh_core()).stale_s == pytest.approx(30)


# ---- pictures


def test_a_viewer_gets_picture_and_boxes_of_the_same_frame(sink: WebSink) -> None:
    with watch(sink) as viewer:
        for number in (40, 80, 120):
            sink.publish(reading(number))
            view, content = next_picture(viewer)
            picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
            assert picture.shape == (240, 320)
            assert view["frame"] == number
            assert abs(float(picture.mean()) - number) < 2
            assert view["people"][0]["box"] == [100, 60, 160, 130]


def test_nothing_is_encoded_while_nobody_asks(sink: WebSink) -> None:
    sink.publish(reading(1))
    with watch(sink) as viewer:
        sink.publish(reading(2))
        ask_json(sink, "/healthz")
        assert sink._hub.encoded == 0
        next_picture(viewer)
    until(lambda: sink._hub.watchers == 0)
    for number in range(3, 60):
        sink.publish(reading(number))
    ask_json(sink, "/healthz")
    assert sink._hub.encoded == 1


def test_one_encoding_serves_every_viewer(sink: WebSink) -> None:
    sink.publish(reading(7))
    with watch(sink) as one, watch(sink) as two, watch(sink) as three:
        pictures = [next_picture(viewer)[1] for viewer in (one, two, three)]
    assert len(set(pictures)) == 1
    assert sink._hub.encoded == 1


def test_a_slow_viewer_gets_the_newest_frame_and_no_queue(sink: WebSink) -> None:
    with watch(sink) as slow, watch(sink) as quick:
        for number in range(1, 21):
            sink.publish(reading(number))
            assert next_picture(quick)[0]["frame"] == number
        assert next_picture(slow)[0]["frame"] == 20
        sink.publish(reading(21))
        assert next_picture(slow)[0]["frame"] == 21


def test_a_viewer_that_stops_reading_holds_up_neither_the_loop_nor_the_others() -> None:
    with serving(fps=60) as sink, publishing(sink, HEAVY), watch(sink) as viewer:
        with socket.create_connection(("127.0.0.1", urlsplit(sink.url).port or 0)) as deaf:
            deaf.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
            until(lambda: sink._hub.watchers == 2)
            frames = [next_picture(viewer)[0]["frame"] for _ in range(12)]
        assert frames == sorted(set(frames))


def test_pictures_keep_the_pace_on_average_and_never_burst_after_a_pause() -> None:
    pace = Pace(0.1)
    now_s, shown = 0.0, []
    for frame in range(150):  # a camera at 15 frames a second
        at_s = frame / 15
        if at_s >= now_s:
            shown.append(at_s)
            now_s = at_s + pace.wait_s(at_s)
    assert len(shown) == pytest.approx(100, abs=1)
    assert pace.wait_s(60.0) == pytest.approx(0.1)


def test_a_wide_frame_is_shrunk_for_the_page() -> None:
    picture = cv2.imdecode(np.frombuffer(jpeg(np.zeros((1500, 2560), np.uint8)), np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture.shape == (750, MAX_WIDTH_PX)


def test_the_plain_stream_is_a_row_of_jpeg_parts(sink: WebSink) -> None:
    with publishing(sink), ask(sink, "/stream.mjpg") as answer:
        assert answer.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=picture"
        for _ in range(3):
            assert answer.readline() == b"--picture\r\n"
            assert answer.readline() == b"Content-Type: image/jpeg\r\n"
            length = int(answer.readline().split(b":")[1])
            assert answer.readline() == b"\r\n"
            picture = cv2.imdecode(np.frombuffer(answer.read(length), np.uint8), cv2.IMREAD_UNCHANGED)
            assert picture.shape == (240, 320)
            assert answer.readline() == b"\r\n"


# ---- events


def next_event(answer: object) -> tuple[str, dict[str, object]]:
    """(id, data) of the next event in a stream, comments passed over."""
    name = ""
    for line in iter(answer.readline, b""):  # type: ignore[attr-defined]
        field, _, value = line.decode().rstrip("\n").partition(": ")
        if field == "id":
            name = value
        if field == "data":
            return name, json.loads(value)
    raise AssertionError("the stream has ended")


def test_events_arrive_as_they_happen(sink: WebSink) -> None:
    sink.publish(reading(1, happened("appeared")))
    with ask(sink, "/api/v1/events") as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert answer.readline().startswith(b":")
        sink.publish(reading(2, happened("changed"), happened("state")))
        sink.publish(reading(3))
        sink.publish(reading(4, happened("left")))
        events = [next_event(answer)[1]["type"] for _ in range(3)]
    assert events == ["emotion_changed", "state", "face_left"]


def test_a_listener_that_comes_back_hears_what_it_missed_in_this_run(sink: WebSink) -> None:
    with ask(sink, "/api/v1/events") as answer:
        answer.readline()
        sink.publish(reading(1, happened("appeared")))
        heard, _ = next_event(answer)
    sink.publish(reading(2, happened("changed")))
    with ask(sink, "/api/v1/events", headers={"Last-Event-ID": heard}) as answer:
        assert next_event(answer)[1]["type"] == "emotion_changed"
    for unknown in ("another-1", "nonsense", heard.split("-")[0] + "-x"):
        with ask(sink, "/api/v1/events", headers={"Last-Event-ID": unknown}) as answer:
            answer.readline()
            sink.publish(reading(3, happened("left")))
            assert next_event(answer)[1]["type"] == "face_left"


def test_the_page_hears_recent_events_first_and_then_new_ones_without_the_regular_states(sink: WebSink) -> None:
    sink.publish(reading(1, happened("appeared"), happened("state")))
    with connect(live_url(sink), proxy=None) as viewer:
        assert next_text(viewer)["camera"] == "door"
        assert [event["type"] for event in next_text(viewer)["events"]] == ["face_appeared"]
        viewer.send("next")
        viewer.recv()
        sink.publish(reading(2, happened("state"), happened("left")))
        viewer.send("next")
        assert [event["type"] for event in next_text(viewer)["events"]] == ["face_left"]


def test_the_tail_of_events_is_bounded() -> None:
    hub = Hub(Config(), fresh_core())
    for number in range(EVENTS_KEPT + 10):
        hub.publish(reading(number, happened("left", number)))
    tail = hub.events_after(0)
    assert len(tail) == EVENTS_KEPT
    assert [entry.number for entry in hub.events_after(hub.last_event - 2)] == [tail[-2].number, tail[-1].number]
    assert hub.events_after(hub.last_event) == hub.events_after(10**9) == []
    assert len(hub.recent_events()) == 50


# ---- seats


def test_one_viewer_too_many_is_told_so_and_may_come_when_another_has_gone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving(max_watchers=2) as sink, publishing(sink), watch(sink) as viewer:
        with ask(sink, "/stream.mjpg") as stream:
            stream.readline()
            with pytest.raises(InvalidStatus) as refusal, connect(live_url(sink), proxy=None):
                pass
            assert refusal.value.response.status_code == 503
            assert b"web.max_watchers = 2" in (refusal.value.response.body or b"")
            for path in ("/stream.mjpg", "/api/v1/events"):
                with ask(sink, path) as answer:
                    assert answer.status == 503
                    assert b"web.max_watchers" in answer.read()
            assert ask_json(sink, "/healthz")[1]["watchers"] == 2
        until(lambda: sink._hub.watchers == 1)
        with watch(sink) as another:
            next_picture(another)
        next_picture(viewer)
    assert sink._hub.watchers == 0
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_fault_of_ours_is_logged_and_ends_one_request_alone(
    sink: WebSink, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Hub, "health", lambda _: 1 / 0)
    with ask(sink, "/healthz") as answer:
        assert answer.status == 500
    until(lambda: "/healthz could not be answered" in caplog.messages)
    with ask(sink, "/") as answer:
        assert answer.status == 200


@pytest.mark.parametrize("message", [b"\xff", "x" * 2000])
def test_a_viewer_that_sends_nonsense_harms_only_itself(sink: WebSink, message: str | bytes) -> None:
    with publishing(sink), watch(sink) as odd, watch(sink) as viewer:
        odd.send(message)
        next_picture(viewer)
    until(lambda: sink._hub.watchers == 0)
