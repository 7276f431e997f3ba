"""The sink and the real command against a real Mosquitto: passwords, TLS, a broker and a sensor that die."""

from __future__ import annotations

import contextlib
import json
import signal
import ssl
import subprocess
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from click.testing import CliRunner
from cores import fresh_core
from mosquitto import Listener, Mosquitto, free_port, listening, mosquitto, program, wait_until
from mqtt_readings import left, reading, state

from edge.cli import cli
from edge.config import Config, MqttConfig
from edge.errors import SinkError
from edge.messages import Phase
from edge.sinks.mqtt import MqttSink
from edge.sinks.mqtt.forget import forget_device
from edge.sinks.mqtt.outbox import IN_FLIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edge.core import Core

    SinkFor = Callable[..., MqttSink]

pytestmark = pytest.mark.system

ROOT = "mien/hall/camera"
CONFIG = "homeassistant/device/mien-hall-camera/config"
LEFT = f"{ROOT}/event/face_left"
PERSISTENT = ("allow_anonymous true", "persistence true", "autosave_on_changes true", "autosave_interval 1")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as found:
        yield found


@pytest.fixture
def core(tmp_path: Path) -> Core:
    return fresh_core(tmp_path)


@pytest.fixture
def sink_for(core: Core) -> Iterator[SinkFor]:
    """Opens a sink to a broker, with settings of the test's; closes it afterwards."""
    with contextlib.ExitStack() as stack:

        def opened(broker: Mosquitto, **settings: Any) -> MqttSink:
            options = {"enabled": True, "device": "hall", "host": "127.0.0.1", "port": broker.port, **settings}
            sink = MqttSink(Config(mqtt=MqttConfig(**options)), core)
            stack.callback(sink.close)
            return sink

        yield opened


def fill_the_way(broker: Mosquitto, sink: MqttSink, *, first: int) -> None:
    """The broker stops hearing; as many events as may be are on their way to it, numbered from the first."""
    assert broker.process
    broker.process.send_signal(signal.SIGSTOP)
    for number in range(first, first + IN_FLIGHT):
        sink.publish(reading(left(number)))
    wait_until(lambda: events_under_way(sink) == IN_FLIGHT, "all under way")


def events_under_way(sink: MqttSink) -> int:
    return sum(not message.retain for message in list(sink._outbox._in_flight.values()))


def numbers(payloads: list[bytes]) -> list[int]:
    return [json.loads(payload)["frame"] for payload in payloads]


def wait_for_numbers(listener: Listener, expected: list[int]) -> None:
    """Until these events were heard in this order; one that is repeated, as QoS 1 allows, counts as first heard."""

    def heard() -> list[int]:
        return list(dict.fromkeys(numbers(listener.payloads(LEFT))))

    wait_until(lambda: heard() == expected, lambda: f"{expected} in {heard()}")


def test_what_is_published_is_heard_and_the_newest_is_kept_for_late_listeners(
    broker: Mosquitto, sink_for: SinkFor
) -> None:
    sink = sink_for(broker)
    with listening(broker.port, name="early") as early:
        sink.publish(reading(left(1), state(frames_per_s=14)))
        early.wait_for(LEFT)
        sink.publish(reading(left(2), state(frames_per_s=15)))
        early.wait_for("/summary", times=2)
        early.wait_for(LEFT, times=2)
        assert numbers(early.payloads(LEFT)) == [1, 2]
        with listening(broker.port, name="late") as late:
            late.wait_for(CONFIG)
            late.wait_for("/summary")
            late.wait_for("/state")
            late.wait_for("/availability", b"online")
            assert {heard.topic for heard in late.heard if heard.retained} == {
                CONFIG,
                f"{ROOT}/availability",
                f"{ROOT}/privacy",
                f"{ROOT}/state",
                f"{ROOT}/summary",
            }
            assert late.payloads(LEFT) == []
            assert json.loads(late.payloads("/state")[0])["frames_per_s"] == 15
            assert json.loads(late.payloads("/summary")[0])["emotion"] == "nobody"
            assert set(json.loads(late.payloads(CONFIG)[0])) >= {"dev", "o", "cmps"}
        sink.close()
        early.wait_for("/availability", b"offline")
    assert "Received DISCONNECT from mien-hall-camera" in broker.log()


def test_what_waits_is_sent_before_the_goodbye(broker: Mosquitto, sink_for: SinkFor) -> None:
    with listening(broker.port) as listener:
        sink = sink_for(broker)
        listener.wait_for("/availability", b"online")
        for number in range(200):
            sink.publish(reading(left(number)))
        sink.close()
        listener.wait_for("/availability", b"offline")
        assert numbers(listener.payloads(LEFT)) == list(range(200))
        assert listener.heard[-1].payload == b"offline"


def test_home_assistant_is_told_again_when_it_comes_online(broker: Mosquitto, sink_for: SinkFor) -> None:
    sink = sink_for(broker)
    with listening(broker.port) as listener:
        listener.wait_for(CONFIG)
        listener.say("homeassistant/status", "offline")
        listener.wait_for("homeassistant/status", b"offline")
        listener.say("homeassistant/status", "online")
        listener.wait_for(CONFIG, times=2)
        first, second = listener.payloads(CONFIG)
        assert first == second
    sink.close()


def test_without_discovery_home_assistant_is_not_spoken_to(broker: Mosquitto, sink_for: SinkFor) -> None:
    sink = sink_for(broker, discovery=False)
    with listening(broker.port) as listener:
        sink.publish(reading(state()))
        listener.wait_for("/summary")
        sink.close()
        listener.wait_for("/availability", b"offline")
        assert [heard.topic for heard in listener.heard if heard.topic.startswith("homeassistant")] == []


# Privacy and restart


def test_privacy_is_switched_by_a_message_and_what_the_camera_saw_goes_out_no_more(
    broker: Mosquitto, sink_for: SinkFor, core: Core
) -> None:
    sink = sink_for(broker)
    with listening(broker.port) as listener:
        listener.wait_for("/privacy", b"OFF")
        listener.say(f"{ROOT}/privacy/set", "ON")
        listener.wait_for("/privacy", b"ON")
        assert core.privacy.on
        sink.tell([msgspec.structs.replace(state(), phase=Phase.PRIVATE)])
        wait_until(
            lambda: json.loads((listener.payloads("/summary") or [b"{}"])[-1]).get("phase") == "private",
            "the summary says so",
        )
        listener.say(f"{ROOT}/privacy/set", "OFF")
        listener.wait_for("/privacy", b"OFF", times=2)
        assert not core.privacy.on


def test_a_command_that_the_broker_kept_undoes_nothing(
    broker: Mosquitto, sink_for: SinkFor, core: Core, caplog: pytest.LogCaptureFixture
) -> None:
    core.privacy.set(on=True, by="test")
    with listening(broker.port) as listener:
        listener.say(f"{ROOT}/privacy/set", "OFF", retain=True)
        listener.wait_for("/privacy/set")
        sink_for(broker)
        wait_until(lambda: "a retained command is not obeyed" in caplog.text, "the complaint")
        listener.wait_for("/privacy", b"ON")
        assert core.privacy.on
        # One that comes now is obeyed, though its sender asked the broker to keep it.
        listener.say(f"{ROOT}/privacy/set", "OFF", retain=True)
        listener.wait_for("/privacy", b"OFF")
        assert not core.privacy.on


# Removing the device


def test_a_device_that_is_forgotten_leaves_nothing_at_the_broker(
    broker: Mosquitto, sink_for: SinkFor, core: Core
) -> None:
    sink = sink_for(broker)
    with listening(broker.port, name="early") as early:
        sink.publish(reading(state()))
        early.wait_for("/summary")
    sink.close()
    changes = ["mqtt.device=hall", "mqtt.host=127.0.0.1", f"mqtt.port={broker.port}"]
    result = CliRunner().invoke(cli, ["mqtt", "forget", *(word for one in changes for word in ("--set", one))])
    assert result.exit_code == 0, result.output
    assert f"cleared {CONFIG}" in result.output
    with listening(broker.port, name="late") as late:
        late.say("end", "of it")
        late.wait_for("end")
        assert [heard.topic for heard in late.heard if heard.retained] == []


def test_without_a_broker_forgetting_is_one_line() -> None:
    config = Config(mqtt=MqttConfig(host="127.0.0.1", port=free_port()))
    with pytest.raises(SinkError, match="no connection: Connection refused"):
        forget_device(config)


# Passwords


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Mosquitto]:
    """Lets in "mien" with the password "right"."""
    file = tmp_path / "users"
    subprocess.run([program("mosquitto_passwd"), "-b", "-c", str(file), "mien", "right"], check=True)
    with mosquitto(tmp_path, "allow_anonymous false", f"password_file {file}") as broker:
        yield broker


def password_file(folder: Path, password: str) -> str:
    path = folder / "password"
    path.write_text(password + "\n")
    path.chmod(0o600)
    return str(path)


def test_the_right_password_is_let_in(guarded: Mosquitto, tmp_path: Path, sink_for: SinkFor) -> None:
    sink = sink_for(guarded, username="mien", password_file=password_file(tmp_path, "right"))
    with listening(guarded.port, login=("mien", "right")) as listener:
        sink.publish(reading(left(1)))
        listener.wait_for(LEFT)
    sink.close()


def test_a_wrong_password_is_one_line_and_tried_again_later_and_later(
    guarded: Mosquitto, tmp_path: Path, caplog: pytest.LogCaptureFixture, sink_for: SinkFor
) -> None:
    sink = sink_for(guarded, username="mien", password_file=password_file(tmp_path, "wrong"))
    attempts = "Sending CONNACK to 127.0.0.1 (0, 5)"
    wait_until(lambda: guarded.log().count(attempts) >= 3, "three attempts")
    times_s = [int(line.partition(":")[0]) for line in guarded.log().splitlines() if attempts in line]
    # The broker's clock ticks in whole seconds: 1 and 2 s of waiting may read as 0 and 1 at worst.
    assert [later - earlier >= wait for (earlier, later), wait in zip(pairwise(times_s), (0, 1), strict=False)]
    assert times_s[2] - times_s[0] >= 2
    sink.close()
    place = f"127.0.0.1:{guarded.port}"
    words = "refuses us: Not authorized (see mqtt.username and mqtt.password_file)"
    assert [record.message for record in caplog.records if place in record.message] == [f"mqtt: {place}: {words}"]


# TLS


def certificates(folder: Path) -> None:
    """A certificate authority of our own, and what it signed for localhost."""
    openssl = program("openssl")

    def make(*words: str) -> None:
        subprocess.run([openssl, *words], cwd=folder, check=True, capture_output=True)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    for name in ("ca", "stranger"):
        make("req", "-x509", *curve, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN=Test {name}")
    make("req", "-new", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (folder / "names").write_text("subjectAltName=DNS:localhost\n")
    signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names")
    make("x509", "-req", "-in", "server.csr", "-out", "server.pem", *signing)


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[Mosquitto]:
    certificates(tmp_path)
    files = (f"certfile {tmp_path}/server.pem", f"keyfile {tmp_path}/server.key", f"cafile {tmp_path}/ca.pem")
    with mosquitto(tmp_path, *files, "allow_anonymous true") as broker:
        yield broker


def test_tls_is_spoken_with_a_broker_whose_ca_is_trusted(
    encrypted: Mosquitto, tmp_path: Path, sink_for: SinkFor
) -> None:
    sink = sink_for(encrypted, host="localhost", tls=True, ca_file=str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    with listening(encrypted.port, context=context) as listener:
        sink.publish(reading(left(1)))
        listener.wait_for(LEFT)
    sink.close()


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"ca_file": "stranger.pem"}, "its certificate is not trusted: "),
        ({"ca_file": ""}, "its certificate is not trusted: "),
        ({"host": "127.0.0.1"}, "its certificate is not trusted: IP address mismatch"),
        ({"tls": False, "ca_file": ""}, "closed without an answer (see mqtt.tls and mqtt.port)"),
    ],
    ids=["another CA", "the system's CAs", "another name", "no TLS"],
)
def test_a_broker_that_cannot_be_trusted_hears_nothing_and_the_log_says_why(
    encrypted: Mosquitto,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    settings: dict,
    complaint: str,
    sink_for: SinkFor,
) -> None:
    settings = {"host": "localhost", "tls": True, "ca_file": "ca.pem", **settings}
    if settings["ca_file"]:
        settings["ca_file"] = str(tmp_path / settings["ca_file"])
    sink = sink_for(encrypted, **settings)
    sink.publish(reading(left(1)))
    wait_until(lambda: complaint in caplog.text, "the complaint")
    sink.close()
    assert "PUBLISH" not in encrypted.log()


def test_tls_with_a_broker_that_has_none_is_said(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture, sink_for: SinkFor
) -> None:
    sink = sink_for(broker, tls=True)
    wait_until(lambda: "no connection yet" in caplog.text, "the complaint")
    sink.close()
    assert "Sending CONNACK" not in broker.log()


# What dies and comes back


def test_events_wait_for_a_broker_that_was_killed_and_come_in_order(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, sink_for: SinkFor
) -> None:
    caplog.set_level("INFO")
    with mosquitto(tmp_path, *PERSISTENT) as broker, listening(broker.port) as listener:
        sink = sink_for(broker, queue_events=20)
        for number in range(5):
            sink.publish(reading(left(number), state()))
            listener.wait_for(LEFT, times=number + 1)
        broker.kill()
        wait_until(lambda: "connection lost" in caplog.text, "the loss is noticed")
        for number in range(5, 40):
            sink.publish(reading(left(number), state(frames_per_s=number)))
        assert sink.dropped == 15
        broker.start()
        wait_for_numbers(listener, [*range(5), *range(20, 40)])
        newest = msgspec.json.encode(state(frames_per_s=39))
        wait_until(lambda: listener.payloads("/state")[-1] == newest, "the newest state")
        assert listener.payloads("/availability")[-1] == b"online"
        assert f"connected to 127.0.0.1:{broker.port}; 15 events gave way" in caplog.text


def test_what_was_under_way_when_the_broker_died_comes_again_and_first(tmp_path: Path, sink_for: SinkFor) -> None:
    with mosquitto(tmp_path, *PERSISTENT) as broker, listening(broker.port) as listener:
        sink = sink_for(broker, queue_events=20)
        for number in range(3):
            sink.publish(reading(left(number), state()))
            listener.wait_for(LEFT, times=number + 1)
        wait_until(lambda: sink._outbox.wait_empty(0), "everything is confirmed")
        fill_the_way(broker, sink, first=3)
        for number in range(3 + IN_FLIGHT, 60):
            sink.publish(reading(left(number)))
        broker.kill()
        broker.start()
        wait_for_numbers(listener, [*range(3 + IN_FLIGHT), *range(40, 60)])


def test_what_was_under_way_when_privacy_was_turned_on_does_not_come_again(
    tmp_path: Path, sink_for: SinkFor, core: Core
) -> None:
    with mosquitto(tmp_path, *PERSISTENT) as broker, listening(broker.port) as listener:
        sink = sink_for(broker)
        sink.publish(reading(left(0), state()))
        listener.wait_for(LEFT)
        wait_until(lambda: sink._outbox.wait_empty(0), "everything is confirmed")
        fill_the_way(broker, sink, first=1)
        core.privacy.set(on=True, by="test")
        core.privacy.set(on=False, by="test")
        sink.publish(reading(left(99)))
        broker.kill()
        broker.start()
        wait_for_numbers(listener, [0, 99])
        assert listener.payloads("/privacy")[-1] == b"OFF"


@pytest.fixture
def sensor(broker: Mosquitto) -> Iterator[subprocess.Popen[bytes]]:
    """The real command, playing its demo."""
    changes = ["web.enabled=false", "jsonl.stdout=false", "mqtt.enabled=true", "mqtt.device=hall"]
    changes += [f"mqtt.port={broker.port}", "source.loop=true"]
    options = [word for change in changes for word in ("--set", change)]
    command = [sys.executable, "-m", "edge.cli", "run", "--source", "demo", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_sensor_that_is_killed_is_offline_by_its_last_will(
    broker: Mosquitto, sensor: subprocess.Popen[bytes]
) -> None:
    with listening(broker.port) as listener:
        listener.wait_for("/availability", b"online")
        listener.wait_for("/summary", times=2)
        listener.wait_for("/event/face_appeared")
        sensor.send_signal(signal.SIGKILL)
        listener.wait_for("/availability", b"offline")
        assert listener.payloads("/availability")[-1] == b"offline"
        summaries = [json.loads(payload) for payload in listener.payloads("/summary")]
        assert {summary["faces"] for summary in summaries} == {0, 1}


def test_a_sensor_that_is_stopped_says_goodbye_itself(broker: Mosquitto, sensor: subprocess.Popen[bytes]) -> None:
    with listening(broker.port) as listener:
        listener.wait_for("/summary")
        sensor.send_signal(signal.SIGTERM)
        listener.wait_for("/availability", b"offline")
        assert sensor.wait(timeout=10) == 0
    assert "Received DISCONNECT from mien-hall-camera" in broker.log()
