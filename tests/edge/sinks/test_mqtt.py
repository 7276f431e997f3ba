"""What is published where, how Home Assistant is told, and what waits while there is no broker."""

from __future__ import annotations

import json
import math
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest
from cores import fresh_core
from mosquitto import free_port, wait_until
from mqtt_readings import WHEN, estimate, left, reading, state
from msgspec import Struct

from edge.config import Config, DecideConfig, MqttConfig, SourceConfig
from edge.core import Core
from edge.errors import SinkError
from edge.messages import EmotionChanged, Estimate, Event, FaceAppeared, Phase
from edge.model.labels import FERPLUS
from edge.sinks.mqtt import MqttSink
from edge.sinks.mqtt.access import read_password
from edge.sinks.mqtt.commands import Commands
from edge.sinks.mqtt.discovery import describe, discovery_topic
from edge.sinks.mqtt.outbox import IN_FLIGHT, Outbox
from edge.sinks.mqtt.summary import Summarizer, Summary
from edge.sinks.mqtt.topics import Message, Topics, host_name, topics_of
from edge.stages import Stages

TOPICS = Topics("mien", "hall", "front-door")


def event(number: int, qos: int = 1) -> Message:
    return Message("event", str(number).encode(), qos)


def kept(topic: str, payload: bytes, qos: int = 0) -> Message:
    return Message(topic, payload, qos, retain=True)


# Topics


def test_topics_stand_below_prefix_device_and_camera() -> None:
    config = Config(source=SourceConfig(camera="front-door"), mqtt=MqttConfig(device="hall"))
    assert topics_of(config) == TOPICS
    assert TOPICS.event("face_left") == "mien/hall/front-door/event/face_left"
    assert TOPICS.state == "mien/hall/front-door/state"
    assert TOPICS.summary == "mien/hall/front-door/summary"
    assert TOPICS.availability == "mien/hall/front-door/availability"


@pytest.mark.parametrize(
    ("host", "device"),
    [
        ("raspberrypi", "raspberrypi"),
        ("Kitchen-Pi.local", "kitchen-pi"),
        ("a_b c", "a-b-c"),
        ("+#/", "mien"),
        ("", "mien"),
        ("-" + "x" * 31 + ".y", "x" * 31),
        ("x" * 31 + "-y", "x" * 31),
    ],
)
def test_a_device_without_a_name_has_the_hosts_as_a_setting_could_have_it(host: str, device: str) -> None:
    assert host_name(host) == device
    assert msgspec.convert({"device": device}, MqttConfig).device == device


@pytest.mark.parametrize(
    "change",
    [
        {"device": "front/door"},
        {"device": "Hall"},
        {"topic_prefix": ""},
        {"topic_prefix": "a/+"},
        {"topic_prefix": "/a"},
        {"discovery_prefix": "homeassistant/#"},
        {"event_qos": 3},
        {"queue_events": 0},
        {"password": "secret"},
    ],
)
def test_settings_that_would_make_bad_topics_are_refused(change: dict) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(change, MqttConfig)


def messages(*events: Event, estimates: tuple[Estimate, ...] = ()) -> list[Message]:
    """What a sink without a broker would send."""
    sink = MqttSink(without_broker(discovery=False), fresh_core())
    sink.close()
    return list(sink._messages(reading(*events, estimates=estimates)))


def without_broker(**settings: object) -> Config:
    return Config(mqtt=MqttConfig(enabled=True, device="hall", host="127.0.0.1", port=free_port(), **settings))  # type: ignore[arg-type]


def test_an_event_has_a_topic_of_its_type_and_is_not_retained() -> None:
    box = (1, 2, 3, 4)
    common = {"time": WHEN, "time_s": 1.5, "camera": "camera", "frame": 7, "track": "a", "box": box}
    changed = EmotionChanged(emotion="anger", previous=None, score=0.5, scores={"anger": 0.5}, **common)  # type: ignore[arg-type]
    found = messages(FaceAppeared(**common), changed, left(7))  # type: ignore[arg-type]
    assert [(message.topic, message.retain, message.qos) for message in found[:-1]] == [
        ("mien/hall/camera/event/face_appeared", False, 1),
        ("mien/hall/camera/event/emotion_changed", False, 1),
        ("mien/hall/camera/event/face_left", False, 1),
    ]
    assert found[2].payload == msgspec.json.encode(left(7)), "the same line as on standard output"


def test_state_and_summary_are_retained() -> None:
    found = messages(state())
    assert [(message.topic, message.retain, message.qos) for message in found] == [
        ("mien/hall/camera/state", True, 0),
        ("mien/hall/camera/summary", True, 0),
    ]
    assert json.loads(found[0].payload)["type"] == "state"


def test_a_reading_without_events_sends_nothing() -> None:
    sink = MqttSink(without_broker(), fresh_core())
    sink.publish(reading())
    sink.publish(reading(left(1)))
    sink.close()
    assert [message.topic for message in (sink._outbox._events)] == ["mien/hall/camera/event/face_left"]


# The summary


@pytest.mark.parametrize(
    ("faces", "emotion", "score"),
    [
        ((), "nobody", None),
        ((estimate("a", 50, "anger", 0.567),), "anger", 0.57),
        ((estimate("a", 50, None, 0.0),), None, None),
        ((estimate("a", 50, "anger", 0.5), estimate("b", 80, "fear", 0.4)), "fear", 0.4),
        ((estimate("a", 80, "anger", 0.5), estimate("b", 50, "fear", 0.9)), "anger", 0.5),
        ((estimate("a", 50, "anger", 0.5), estimate("b", 50, "fear", 0.9)), "anger", 0.5),
        ((estimate("a", 50, "uncertain", 0.3),), "uncertain", 0.3),
    ],
)
def test_the_summary_speaks_of_the_largest_face(
    faces: tuple[Estimate, ...], emotion: str | None, score: float | None
) -> None:
    summary = Summarizer(lambda: None).summarize(reading(state(), estimates=faces))
    assert (summary.emotion, summary.score, summary.faces) == (emotion, score, len(faces))


def test_the_frame_rate_is_the_last_states() -> None:
    summarizer = Summarizer(lambda: None)
    assert summarizer.summarize(reading(left(1))).frames_per_s == 0
    assert summarizer.summarize(reading(state(frames_per_s=14.96))).frames_per_s == 15.0
    assert summarizer.summarize(reading(left(1))).frames_per_s == 15.0


def test_the_temperature_is_read_every_ten_seconds_and_when_time_goes_back() -> None:
    values = iter((50.04, 60.0, None))
    summarizer = Summarizer(lambda: next(values))
    times = (100.0, 109.9, 110.0, 3.0)
    found = [summarizer.summarize(reading(time_s=time_s)).temperature_celsius for time_s in times]
    assert found == [50.0, 50.0, 60.0, None]


def test_latency_is_that_of_the_frames_since_the_last_summary() -> None:
    stages = Stages()
    summarizer = Summarizer(lambda: None, stages)
    assert summarizer.summarize(reading()).latency_ms is None
    for seconds in (0.04, 0.06):
        stages.add("latency", seconds)
    assert summarizer.summarize(reading()).latency_ms == 50.0
    stages.add("latency", 0.1)
    assert summarizer.summarize(reading()).latency_ms == 100.0
    assert summarizer.summarize(reading()).latency_ms is None


def test_without_a_camera_nobody_is_said_to_be_there() -> None:
    summarizer = Summarizer(lambda: 50.0)
    summarizer.summarize(reading(state(), estimates=(estimate("a", 50, "anger", 0.5),)))
    summary = summarizer.without_frames(msgspec.structs.replace(state(), phase=Phase.PRIVATE))
    assert (summary.emotion, summary.score, summary.faces, summary.frames_per_s) == (None, None, 0, 0)
    assert summary.phase == "private"


# Privacy and restart, asked for by a message


class Asked(Struct):
    """The commands of a service whose switch can be turned, and what was said of it."""

    core: Core
    commands: Commands
    said: list[bytes]


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    core = fresh_core(tmp_path)
    said: list[bytes] = []
    return Asked(core, Commands(core, TOPICS, lambda message: said.append(message.payload)), said)


def test_the_switch_follows_the_message_and_its_state_is_said(asked: Asked) -> None:
    for payload, on in ((b"ON", True), (b"ON", True), (b"OFF", False)):
        asked.commands.switch(payload)
        assert asked.core.privacy.on is on
        assert asked.core.privacy.switched.by == "mqtt"
        assert asked.core.requests.wake.is_set()
    assert asked.said == [b"ON", b"ON", b"OFF"]


@pytest.mark.parametrize("payload", [b"", b"on", b"true", b"ON ", b"\xff" * 1000])
def test_what_is_neither_on_nor_off_turns_nothing(asked: Asked, payload: bytes) -> None:
    asked.core.privacy.set(on=True, by="test")
    asked.commands.switch(payload)
    assert asked.core.privacy.on
    assert asked.said == [b"ON"]


def test_a_switch_that_cannot_be_kept_is_said_as_it_stands(
    asked: Asked, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked.core.privacy.set(on=True, by="test")
    (tmp_path / ".privacy.json.new").mkdir()
    asked.commands.switch(b"OFF")
    assert asked.said == [b"ON"]
    assert "it stays on" in caplog.text


def test_restart_is_obeyed_only_where_a_manager_starts_us_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert TOPICS.restart not in Commands(fresh_core(), TOPICS, print).by_topic
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    assert TOPICS.restart in Commands(fresh_core(), TOPICS, print).by_topic


def test_what_waits_is_forgotten_when_privacy_is_turned_on(tmp_path: Path) -> None:
    core = fresh_core(tmp_path)
    sink = MqttSink(without_broker(discovery=False), core)
    sink.publish(reading(left(1), state()))
    assert core.queues["mqtt"]().length == 1
    core.privacy.set(on=True, by="test")
    assert core.queues["mqtt"]().length == 0
    assert sink._outbox.take() == Message("mien/hall/camera/privacy", b"ON", 1, retain=True)
    assert sink._outbox.take() is None
    sink.close()


# Home Assistant


def announcement(*, thermometer: bool = True, every_s: float = 1.0, restarts: bool = True) -> dict:
    config = Config(
        source=SourceConfig(camera="front-door"),
        decide=DecideConfig(state_every_s=every_s),
        mqtt=MqttConfig(device="hall"),
    )
    return describe(config, TOPICS, model="Raspberry Pi 5", thermometer=thermometer, restarts=restarts)


def sensors_of(told: dict) -> dict[str, dict]:
    return {key: entity for key, entity in told["cmps"].items() if entity["platform"] == "sensor"}


def test_the_device_is_announced_in_one_message_of_todays_form() -> None:
    config = Config(mqtt=MqttConfig(device="hall"))
    assert discovery_topic(config, TOPICS) == "homeassistant/device/mien-hall-front-door/config"
    told = announcement()
    assert {"dev", "o", "cmps"} <= set(told)
    assert told["dev"]["identifiers"] == ["mien-hall-front-door"]
    assert told["o"]["name"] == "Mien"
    assert told["availability_topic"] == "mien/hall/front-door/availability"
    assert (told["payload_available"], told["payload_not_available"]) == ("online", "offline")
    sensors = {"emotion", "score", "faces", "frame_rate", "latency", "temperature"}
    assert set(told["cmps"]) == {*sensors, "privacy", "restart"}
    assert "object_id" not in json.dumps(told)


def test_every_entity_has_a_lasting_id_and_an_entity_id_that_is_one() -> None:
    entities = announcement()["cmps"]
    assert entities["emotion"]["default_entity_id"] == "sensor.mien_hall_front_door_emotion"
    assert len({entity["unique_id"] for entity in entities.values()}) == len(entities)
    for entity in entities.values():
        assert re.fullmatch(rf"{entity['platform']}\.[a-z0-9_]+", entity["default_entity_id"])


def test_privacy_is_a_switch_and_restart_a_button_where_somebody_starts_us_again() -> None:
    entities = announcement()["cmps"]
    privacy, restart = entities["privacy"], entities["restart"]
    assert (privacy["platform"], restart["platform"]) == ("switch", "button")
    assert privacy["state_topic"] == "mien/hall/front-door/privacy"
    assert privacy["command_topic"] == "mien/hall/front-door/privacy/set"
    assert restart["command_topic"] == "mien/hall/front-door/restart"
    # They stay within reach while there is no camera, and no broker keeps what was once pressed.
    for entity in (privacy, restart):
        assert "expire_after" not in entity
        assert entity["retain"] is False
    assert "restart" not in announcement(restarts=False)["cmps"]


def test_every_template_names_a_value_of_the_summary() -> None:
    fields = {field.name for field in msgspec.structs.fields(Summary)}
    for sensor in sensors_of(announcement()).values():
        name = re.fullmatch(r"\{\{ value_json\.(\w+) \}\}", sensor["value_template"])
        assert name is not None
        assert name[1] in fields


def test_the_emotion_is_one_of_a_list_and_the_rest_are_measurements() -> None:
    emotion, *others = sensors_of(announcement()).values()
    assert emotion["device_class"] == "enum"
    assert set(emotion["options"]) == {*FERPLUS, "uncertain", "nobody"}
    assert "state_class" not in emotion
    assert {sensor["state_class"] for sensor in others} == {"measurement"}


def test_a_board_without_a_thermometer_announces_none() -> None:
    assert "temperature" not in announcement(thermometer=False)["cmps"]


@pytest.mark.parametrize(("every_s", "expire_after"), [(1.0, 10), (2.5, 13), (60.0, 300), (0.0, None)])
def test_sensors_expire_when_several_states_stay_away(every_s: float, expire_after: int | None) -> None:
    found = {sensor.get("expire_after") for sensor in sensors_of(announcement(every_s=every_s)).values()}
    assert found == {expire_after}
    assert expire_after is None or expire_after > 3 * math.ceil(every_s)


# The outbox


def taken(outbox: Outbox) -> list[bytes]:
    """Everything that it gives, each confirmed at once."""
    found = []
    while message := outbox.take():
        outbox.sent(1, message)
        outbox.confirmed(1)
        found.append(message.payload)
    return found


def test_the_oldest_events_give_way_and_are_counted() -> None:
    outbox = Outbox(3)
    assert [outbox.put(event(number)) for number in range(5)] == [0, 0, 0, 1, 1]
    assert outbox.dropped == 2
    assert taken(outbox) == [b"2", b"3", b"4"]


def test_of_what_is_retained_only_the_newest_waits_and_goes_first() -> None:
    outbox = Outbox(1)
    outbox.put(event(1))
    for payload in (b"old", b"new"):
        outbox.put(kept("state", payload))
        outbox.put(kept("summary", payload))
    assert outbox.dropped == 0
    assert taken(outbox) == [b"new", b"new", b"1"]


def test_only_so_many_are_under_way_until_one_is_confirmed() -> None:
    outbox = Outbox(100)
    for number in range(IN_FLIGHT + 5):
        outbox.put(event(number))
    for number in range(IN_FLIGHT):
        outbox.sent(number, outbox.take() or pytest.fail("nothing to take"))
    assert outbox.take() is None
    outbox.confirmed(3)
    assert outbox.take() == event(IN_FLIGHT)


def test_a_state_waits_for_the_one_before_it_and_holds_no_event_up() -> None:
    outbox = Outbox(10)
    outbox.put(kept("state", b"1"))
    outbox.sent(1, outbox.take() or pytest.fail("nothing to take"))
    outbox.put(kept("state", b"2"))
    outbox.put(event(1))
    assert outbox.take() == event(1)
    assert outbox.take() is None
    outbox.confirmed(1)
    assert outbox.take() == kept("state", b"2")


def test_a_lost_connection_forgets_what_will_never_be_confirmed() -> None:
    outbox = Outbox(10)
    for qos in (0, 1):
        outbox.put(event(qos, qos))
        outbox.sent(qos, outbox.take() or pytest.fail("nothing to take"))
    outbox.written()
    assert not outbox.wait_empty(0)
    outbox.confirmed(1)
    assert outbox.wait_empty(0)


def test_what_could_not_be_sent_is_next_again_unless_something_newer_replaces_it() -> None:
    outbox = Outbox(10)
    for number in range(2):
        outbox.put(event(number))
    outbox.put_back(outbox.take() or pytest.fail("nothing to take"))
    outbox.put(kept("state", b"old"))
    old = outbox.take()
    assert old
    outbox.put(kept("state", b"new"))
    outbox.put_back(old)
    assert taken(outbox) == [b"new", b"0", b"1"]


def test_what_is_forgotten_on_its_way_is_not_sent_again_and_what_came_after_it_is() -> None:
    outbox = Outbox(10)
    for number, qos in enumerate((0, 1, 1)):
        outbox.put(event(number, qos))
        outbox.sent(number, outbox.take() or pytest.fail("nothing to take"))
        if number == 1:
            assert not outbox.unwanted
            outbox.forget()
            assert outbox.unwanted
    outbox.written()
    for number in (2, 1):
        outbox.again(number)
    assert not outbox.unwanted
    assert taken(outbox) == [b"2"]
    assert outbox.wait_empty(0), "what had no QoS is not waited for"


# Settings and brokers that are of no use


def secret(folder: Path, content: bytes, mode: int = 0o600) -> str:
    path = folder / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (
            {"username": "mien", "password_file": "/none"},
            "mqtt.password_file = /none: cannot be read: No such file",
        ),
        ({"username": "mien", "password_file": "/"}, "mqtt.password_file = /: cannot be read: Is a directory"),
        ({"password_file": b"x"}, "set mqtt.username"),
        ({"username": "mien", "password_file": b"\nx\n"}, "its first line is empty"),
        ({"username": "mien", "password_file": b"\xff\n"}, "no UTF-8 text"),
        ({"tls": True, "ca_file": "/none"}, "mqtt.ca_file = /none: cannot be read: No such file"),
        ({"tls": True, "ca_file": b"no PEM"}, "holds no certificate"),
        ({"ca_file": b"x"}, "is of no use while mqtt.tls = false"),
        ({"host": "a..b"}, "mqtt.host = a..b: no name or address"),
        ({"host": "x" * 300}, "no name or address"),
    ],
)
def test_settings_that_cannot_be_right_are_one_line(tmp_path: Path, settings: dict, complaint: str) -> None:
    for key, value in settings.items():
        if isinstance(value, bytes):
            settings = {**settings, key: secret(tmp_path, value)}
    changed = MqttConfig(enabled=True, port=free_port(), **{"host": "127.0.0.1", **settings})
    with pytest.raises(SinkError, match=re.escape(complaint)) as caught:
        MqttSink(Config(mqtt=changed), fresh_core())
    assert "\n" not in str(caught.value)


def test_the_command_refuses_them_before_the_first_frame() -> None:
    settings = ["mqtt.enabled=true", "mqtt.username=mien", "mqtt.password_file=/none", "web.enabled=false"]
    options = [word for setting in settings for word in ("--set", setting)]
    command = [sys.executable, "-m", "edge.cli", "run", "--source", "demo", *options]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "mien: mqtt.password_file = /none: cannot be read: No such file or directory\n"


def test_a_password_that_others_can_read_or_hear_is_warned_of_and_never_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    name = secret(tmp_path, b"s3cret\nmore\n", 0o644)
    settings = MqttConfig(host="broker.example", username="mien", password_file=name)
    assert read_password(settings) == "s3cret"
    assert f"others can read {name}: chmod 600" in caplog.text
    assert "in the clear" in caplog.text
    assert "s3cret" not in caplog.text


def test_a_broker_that_is_not_there_is_one_complaint_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    sink = MqttSink(without_broker(queue_events=5), fresh_core())
    wait_until(lambda: "no connection yet: Connection refused" in caplog.text, "the complaint")
    for number in range(20):
        sink.publish(reading(left(number)))
    assert sink.dropped == 15
    sink.close()
    sink.close()
    assert [record.message.partition(": ")[2].partition(": ")[2] for record in caplog.records] == [
        "no connection yet: Connection refused",
        "the queue is full: the oldest events give way",
    ]


def test_a_broker_that_stalls_fills_the_queue_and_no_more() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings = MqttConfig(host="127.0.0.1", port=server.getsockname()[1], queue_events=50, discovery=False)
        stalled = threading.Event()
        thread = threading.Thread(target=greet_and_stall, args=(server, stalled), daemon=True)
        thread.start()
        sink = MqttSink(Config(mqtt=settings), fresh_core())
        try:
            wait_until(lambda: sink._connection._ready, "the greeting")
            for number in range(IN_FLIGHT):
                sink.publish(reading(left(number)))
            wait_until(lambda: len(sink._outbox._in_flight) == IN_FLIGHT, "all under way that may be")
            dropped = sink.dropped
            for number in range(1000):
                sink.publish(reading(left(number)))
            assert len(sink._outbox._in_flight) == IN_FLIGHT
            assert len(sink._outbox._events) == 50
            assert len(sink._outbox._newest) <= 1
            assert sink.dropped - dropped >= 1000 - 50
        finally:
            stalled.set()
            thread.join()
            sink.close()


def greet_and_stall(server: socket.socket, stalled: threading.Event) -> None:
    """A broker that accepts a client, confirms its first message and then neither reads nor answers."""
    connection, _ = server.accept()
    with connection:
        connection.recv(1024)
        connection.sendall(b"\x20\x02\x00\x00")  # CONNACK
        packet = connection.recv(1024)
        assert packet[0] & 0xF0 == 0x30  # PUBLISH
        topic_length = int.from_bytes(packet[2:4], "big")
        connection.sendall(b"\x40\x02" + packet[4 + topic_length : 6 + topic_length])  # PUBACK
        stalled.wait()


def test_a_run_without_mqtt_does_not_load_it() -> None:
    script = (
        "import sys\nfrom edge.config import Config, JsonlConfig, WebConfig\nfrom edge.core import new_core\n"
        "from edge.sinks import open_sinks\nconfig = Config(jsonl=JsonlConfig(), web=WebConfig(enabled=False))\n"
        "open_sinks(config, new_core(config))\nprint(*sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "edge.sinks.jsonl" in result.stdout.split()
    assert not [name for name in result.stdout.split() if name.startswith(("paho", "edge.sinks.mqtt"))]
