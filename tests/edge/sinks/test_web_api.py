"""The API over real HTTP: what it gives, what it takes, and how it describes itself."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import msgspec
import numpy as np
import pytest
from cores import fresh_core
from history_days import FakeClock
from msgspec.structs import replace
from web_client import TIMEOUT_S, ask, ask_json, happened, live_url, next_text, reading, serving, settings
from websockets.sync.client import connect

from edge.config import Config, FeedbackConfig, HistoryConfig
from edge.core import Waiting
from edge.messages import Event
from edge.sinks.history import HistorySink
from edge.sinks.web import WebSink
from edge.sinks.web.upload import BYTES_MAX, PIXELS_MAX, Stills

API = "/api/v1"


@pytest.fixture
def sink() -> Iterator[WebSink]:
    with serving(fps=60) as sink:
        yield sink


# ---- what describes itself


def test_openapi_names_every_address_and_every_reference_leads_somewhere(sink: WebSink) -> None:
    status, document = ask_json(sink, f"{API}/openapi.json")
    assert (status, document["openapi"]) == (200, "3.1.0")
    assert set(document["paths"]) >= {
        f"{API}/state", f"{API}/device", f"{API}/privacy", f"{API}/predict", f"{API}/events",
        "/healthz", "/metrics",
    }  # fmt: skip
    text = json.dumps(document)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(document["components"]["schemas"])
    operations = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(operations) == len(set(operations))
    assert "securitySchemes" not in document["components"]


def resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    return document["components"]["schemas"][name] if name else schema


@pytest.mark.parametrize("path", ["state", "device", "privacy", "feedback"])
def test_an_answer_has_the_fields_that_its_description_names(sink: WebSink, path: str) -> None:
    sink.publish(reading(1))
    _, document = ask_json(sink, f"{API}/openapi.json")
    described = document["paths"][f"{API}/{path}"]["get"]["responses"]["200"]["content"]["application/json"]
    schema = resolved(described["schema"], document)
    status, found = ask_json(sink, f"{API}/{path}")
    assert status == 200
    assert set(found) == set(schema["properties"])


# ---- what refuses


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "words"),
    [
        ("GET", "state?x=1", None, {}, 400, "query"),
        ("GET", "history/presence?days=0", None, {}, 400, "query"),
        ("GET", "history/presence?days=1&days=2", None, {}, 400, "twice"),
        ("GET", "history/presence?by=minute", None, {}, 400, "query"),
        ("GET", "history/presence", None, {}, 404, "history.enabled"),
        ("DELETE", "state", None, {}, 405, "GET"),
        ("PUT", "privacy", {"on": "yes"}, {}, 400, "body"),
        ("PUT", "privacy", {"on": True, "by": "me"}, {}, 400, "body"),
        ("PUT", "privacy", b"{", {}, 400, "body"),
        ("PUT", "privacy", b"\xff", {}, 400, "body"),
        ("PUT", "privacy", b"{}" + b" " * 5000, {}, 413, "at most"),
        ("PUT", "privacy", b"on=true", {"content_type": "application/x-www-form-urlencoded"}, 415, "json"),
        ("POST", "feedback", {"track": "a1b2c3", "emotion": "anger"}, {}, 404, "feedback.enabled"),
        ("POST", "predict", b"no picture", {"content_type": "image/jpeg"}, 422, "neither"),
        ("POST", "predict", b"{}", {}, 415, "image/jpeg"),
        ("POST", "session", {"token": "x"}, {}, 404, "nothing"),
        ("GET", "nowhere", None, {}, 404, "nothing"),
    ],
)
def test_what_is_wrong_is_refused_in_words(
    sink: WebSink, method: str, path: str, body: Any, headers: dict[str, str], status: int, words: str
) -> None:
    found, answer = ask_json(sink, f"{API}/{path}", method, body, **headers)
    assert found == status
    assert words in answer["error"]
    assert list(answer) == ["error"]


def test_a_body_without_an_end_is_cut_off_where_too_much_has_come(sink: WebSink) -> None:
    address = ("127.0.0.1", urlsplit(sink.url).port or 0)
    head = "PUT /api/v1/privacy HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with socket.create_connection(address, TIMEOUT_S) as plain:
        plain.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        plain.sendall(b"1000\r\n" + b" " * 4096 + b"\r\n" + b"1000\r\n" + b" " * 4096 + b"\r\n")
        assert plain.recv(100).split()[1] == b"413"


def test_changes_are_rationed(sink: WebSink) -> None:
    found = [ask_json(sink, f"{API}/privacy", "PUT", {"on": False})[0] for _ in range(40)]
    assert set(found) == {200, 429}
    assert found[:30] == [200] * 30


# ---- device


def test_the_device_says_how_it_is(sink: WebSink) -> None:
    core = sink.core  # type: ignore[attr-defined]
    core.counts.frames = 7
    core.stages.add("detect", 0.004)
    core.queues["mqtt"] = lambda: Waiting(1, 10, 0)
    status, device = ask_json(sink, f"{API}/device")
    assert status == 200
    assert (device["phase"], device["frames"], device["camera"]) == ("starting", 7, "door")
    assert device["stages"] == {"detect": {"mean_ms": 4.0, "p95_ms": 5.0}}
    assert device["latency"] is None
    assert device["queues"] == {"mqtt": {"length": 1, "capacity": 10, "dropped": 0}}
    assert device["memory_bytes"] > 10_000_000


# ---- events


def test_events_come_one_a_message_over_a_websocket(sink: WebSink) -> None:
    with connect(live_url(sink).replace("/live", "/events/live"), proxy=None) as listener:
        sink.publish(reading(1, happened("appeared"), happened("state")))
        assert [next_text(listener)["type"] for _ in range(2)] == ["face_appeared", "state"]
        listener.send("whatever")
        sink.tell([happened("left")])
        message = listener.recv(TIMEOUT_S)
        assert msgspec.json.decode(message, type=Event) == happened("left")
    # It takes a viewer's seat while it lasts.
    assert sink._hub.max_watchers == 8


# ---- history


@pytest.fixture
def yesterday(tmp_path: Path) -> Config:
    """A history with a happy minute at noon of yesterday, and a neutral one an hour later."""
    config = replace(settings(), history=HistoryConfig(enabled=True, file=str(tmp_path / "history.db")))
    noon = (datetime.now().astimezone() - timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
    history = HistorySink(config, FakeClock(noon.timestamp()))
    for second in range(60):
        for later_s, emotion in ((0, "happiness"), (3600, "neutral")):
            shown = reading(15 * second)
            estimate = replace(shown.estimates[0], emotion=emotion)
            track = replace(estimate.track, id=emotion)
            frame = replace(shown.frame, captured_at=noon.timestamp() + later_s + second)
            history.publish(
                replace(shown, frame=frame, estimates=(replace(estimate, track=track),), events=(happened("left"),))
            )
    history.close()
    return config


def test_the_history_is_told_by_hour_and_by_day_in_local_time(yesterday: Config) -> None:
    day = (datetime.now().astimezone() - timedelta(days=1)).date()
    with serving(config=yesterday) as sink:
        status, hours = ask_json(sink, f"{API}/history/presence?last={day}")
        assert status == 200
        assert 23 <= len(hours) <= 25
        busy = [hour for hour in hours if hour["seconds"]]
        assert [datetime.fromisoformat(hour["time"]).hour for hour in busy] == [12, 13]
        assert list(busy[0]["seconds"]) == ["happiness"]
        assert list(busy[1]["seconds"]) == ["neutral"]
        _, days = ask_json(sink, f"{API}/history/presence?by=day&days=7")
        assert len(days) == 7
        assert [sorted(entry["seconds"]) for entry in days[-2:]] == [["happiness", "neutral"], []]
        assert ask_json(sink, f"{API}/history/presence?by=hour&days=32")[0] == 400
        _, events = ask_json(sink, f"{API}/history/events?since=2023-01-01T00:00:00Z&limit=3")
        assert [event["type"] for event in events] == ["face_left"] * 3
        assert ask_json(sink, f"{API}/history/events")[1] == []


@pytest.mark.parametrize("last", ["today", "2026-13-01", "0001-01-01", "9999-12-31", "2026-01-01T00"])
def test_a_day_that_is_none_is_refused(yesterday: Config, last: str) -> None:
    with serving(config=yesterday) as sink:
        assert ask_json(sink, f"{API}/history/presence?last={last}")[0] == 400


# ---- pictures


def portrait() -> bytes:
    """The demo's (edge/assets/README.md) on a grey wall."""
    face = cv2.imread(str(Path(__file__).parents[3] / "edge/assets/portrait.jpg"), cv2.IMREAD_GRAYSCALE)
    wall = np.full((480, 640), 128, np.uint8)
    wall[100:356, 200:456] = face
    return cv2.imencode(".jpg", wall)[1].tobytes()


def test_a_picture_is_looked_at_and_its_face_found(sink: WebSink) -> None:
    status, found = ask_json(sink, f"{API}/predict", "POST", portrait(), content_type="image/jpeg")
    assert (status, found["size"]) == (200, [640, 480])
    (face,) = found["faces"]
    assert face["emotion"] == "happiness"
    assert abs(sum(face["scores"].values()) - 1) < 0.01
    x_min, _, x_max, _ = face["box"]
    assert 250 < x_min < x_max < 420


def bomb(width: int, height: int) -> bytes:
    """The head of a PNG file that claims this size."""
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + width.to_bytes(4) + height.to_bytes(4) + b"\x08\x00\x00\x00\x00"


def test_a_picture_of_too_many_pixels_or_bytes_is_refused_before_it_is_decoded(sink: WebSink) -> None:
    side = int(PIXELS_MAX**0.5) + 1
    status, answer = ask_json(sink, f"{API}/predict", "POST", bomb(side, side), content_type="image/png")
    assert (status, "pixels" in answer["error"]) == (413, True)
    huge = str(BYTES_MAX + 1)
    with ask(sink, f"{API}/predict", "POST", {"Content-Type": "image/png", "Content-Length": huge}) as refused:
        assert refused.status == 413


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", bomb(64, 64), bomb(0, 5),
     b"\xff\xd8" + b"\xff\xe0\x00\x02" * 1000, b"\xff\xd8\xff\xc0\x00\x0b\x08\x00\x40\x00\x40" + b"\0" * 9,
     portrait()[:2000], b"\xff\xd8" + b"\xff" * 3000],
)  # fmt: skip
def test_a_broken_picture_is_refused_and_the_next_one_is_looked_at(sink: WebSink, content: bytes) -> None:
    status, answer = ask_json(sink, f"{API}/predict", "POST", content, content_type="image/png")
    assert status == 422
    assert "picture" in answer["error"]


def test_one_picture_at_a_time() -> None:
    stills = Stills(Config())
    stills._busy.acquire()
    with pytest.raises(Exception, match="another picture") as refusal:
        stills.look(portrait())
    assert refusal.value.status == 503  # type: ignore[attr-defined]


# ---- feedback


@pytest.fixture
def corrected(tmp_path: Path) -> Config:
    return replace(settings(), feedback=FeedbackConfig(enabled=True, folder=str(tmp_path / "kept"), max_files=3))


def test_a_correction_keeps_the_crop_of_that_frame_and_can_be_deleted(corrected: Config, tmp_path: Path) -> None:
    with serving(fresh_core(tmp_path), corrected) as sink:
        for number in (30, 60, 90):
            sink.publish(reading(number))
        said = {"track": "a1b2c3", "emotion": "sadness", "frame": 61}
        status, answer = ask_json(sink, f"{API}/feedback", "POST", said)
        assert (status, answer) == (201, {"enabled": True, "labels": {"sadness": 1}})
        (file,) = (tmp_path / "kept/sadness").glob("*.png")
        crop = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        assert crop.shape == (48, 48)
        assert (crop == 60).all()  # frame 60 is that grey all over
        assert file.stat().st_mode & 0o077 == 0
        assert "was-happiness" in file.name
        status, answer = ask_json(sink, f"{API}/feedback", "DELETE")
        assert (status, answer) == (200, {"deleted": 1})
        assert not file.exists()


def test_no_more_faces_are_kept_than_allowed_and_only_under_a_label(corrected: Config, tmp_path: Path) -> None:
    with serving(fresh_core(tmp_path), corrected) as sink:
        sink.publish(reading(1))
        found = [
            ask_json(sink, f"{API}/feedback", "POST", {"track": "a1b2c3", "emotion": word})[0]
            for word in ("anger", "uncertain", "../../etc", "anger", "fear", "anger")
        ]
        assert found == [201, 422, 422, 201, 201, 422]
        assert ask_json(sink, f"{API}/feedback", "POST", {"track": "other", "emotion": "anger"})[0] == 404


def test_faces_seen_before_privacy_can_no_longer_be_kept(corrected: Config, tmp_path: Path) -> None:
    core = fresh_core(tmp_path)
    with serving(core, corrected) as sink:
        sink.publish(reading(1))
        core.privacy.set(on=True, by="test")
        assert ask_json(sink, f"{API}/feedback", "POST", {"track": "a1b2c3", "emotion": "anger"})[0] == 404


def test_nothing_is_remembered_while_feedback_is_off(sink: WebSink) -> None:
    sink.publish(reading(1))
    assert sink._glimpses is None
    assert ask_json(sink, f"{API}/feedback")[1] == {"enabled": False, "labels": {}}


# ---- privacy


def test_the_switch_is_turned_and_everything_from_before_is_gone(sink: WebSink) -> None:
    core = sink.core  # type: ignore[attr-defined]
    sink.publish(reading(1, happened("appeared")))
    status, state = ask_json(sink, f"{API}/privacy", "PUT", {"on": True})
    assert (status, state["on"], state["by"]) == (200, True, "web")
    assert core.privacy.on
    assert core.requests.wake.is_set()
    assert ask_json(sink, f"{API}/state") == (503, {"error": "privacy is on"})
    assert ask_json(sink, "/healthz")[0] == 200
    assert ask_json(sink, "/healthz")[1]["status"] == "private"
    assert sink._hub.recent_events() == []
    assert sink._hub.events_after(0) == []
    sink.publish(reading(2, happened("changed")))  # one that was on its way
    assert ask_json(sink, f"{API}/state")[0] == 503
    assert sink._hub.recent_events() == []
    assert ask_json(sink, f"{API}/privacy", "PUT", {"on": False})[1]["on"] is False
    assert ask_json(sink, f"{API}/state")[0] == 503
    sink.publish(reading(3))
    assert ask_json(sink, f"{API}/state")[1]["frame"] == 3


def test_a_switch_that_cannot_be_kept_is_an_error_in_words(tmp_path: Path) -> None:
    core = fresh_core(tmp_path)
    with serving(core) as sink:
        core.privacy.set(on=True, by="test")
        (tmp_path / ".privacy.json.new").mkdir()
        status, answer = ask_json(sink, f"{API}/privacy", "PUT", {"on": False})
        assert status == 500
        assert "it stays on" in answer["error"]
        assert core.privacy.on


def test_now_is_in_utc(sink: WebSink) -> None:
    sink.publish(reading(1))
    assert datetime.fromisoformat(ask_json(sink, f"{API}/state")[1]["time"]).tzinfo == UTC
