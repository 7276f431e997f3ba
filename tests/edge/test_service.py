"""The service: built once, changed while it runs, and refusing what does not prove itself."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loops import Ear
from msgspec.structs import replace

from edge import build, service
from edge.config import AdaptConfig, Config, JsonlConfig, ServiceConfig, SourceConfig, TrackConfig, WebConfig
from edge.control import ask
from edge.errors import ConfigError, ModelError, SourceError
from edge.messages import Phase
from edge.notify import Notifier
from edge.service import Service

DEMO = SourceConfig(kind="demo", realtime=False)
# No limit on memory: what is resident here is the tests'.
BASE = Config(
    source=DEMO,
    jsonl=JsonlConfig(stdout=False),
    web=WebConfig(enabled=False),
    service=ServiceConfig(max_rss_mb=0),
)


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("RUNTIME_DIRECTORY", os.path.relpath(tmp_path / "run"))
    return tmp_path


class Ticking(Ear):
    """Calls what it is told after the n-th reading, in the loop's own thread."""

    def __init__(self, acts: dict[int, Callable[[], object]]) -> None:
        super().__init__()
        self.acts = acts

    def publish(self, reading: object) -> None:
        super().publish(reading)  # type: ignore[arg-type]
        if act := self.acts.get(len(self.readings)):
            act()


def run(running: Service, acts: dict[int, Callable[[], object]]) -> Ear:
    """Run until it ends; acts: after so many readings. The ear stays where the sinks are opened anew."""
    ear = Ticking(acts)
    opened = running._open_sinks
    running._open_sinks = lambda config: [*opened(config), ear]  # type: ignore[method-assign]
    running.pipeline.sinks = [*running.pipeline.sinks, ear]
    running.run()
    return ear


def test_a_service_knows_how_often_it_was_started() -> None:
    for number in (1, 2):
        with Service(BASE, frames=1) as running:
            assert running.core.counts.starts == number


def test_a_reload_takes_what_changed_and_the_frames_go_on() -> None:
    changed = replace(BASE, track=TrackConfig(min_hits=5), adapt=AdaptConfig(detect_every=2))
    with Service(BASE, frames=30, reread=lambda: changed) as running:
        lines: list[str] = []
        ear = run(running, {10: lambda: lines.append(running.reload())})
        assert lines == ["settings reloaded, changed: adapt, track"]
        assert len(ear.readings) == 30
        assert [reading.frame.sequence for reading in ear.readings] == list(range(30))
        assert running.pipeline.parts.effort.plan.detect_every == 2
        assert running.core.counts.reloads == 1


@pytest.mark.parametrize(
    "bad",
    [
        ConfigError("mien.toml: no TOML"),
        replace(BASE, classify=replace(BASE.classify, model="absent.tflite")),
        replace(BASE, jsonl=JsonlConfig(stdout=False, file="/nonexistent/folder/events.jsonl")),
        replace(BASE, source=SourceConfig(kind="video", path="/nonexistent/clip.mp4")),
    ],
    ids=["file", "model", "sink", "source"],
)
def test_a_bad_reload_is_refused_and_everything_stays(bad: Config | ConfigError, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    config = replace(BASE, jsonl=JsonlConfig(stdout=False, file=str(events)))

    def reread() -> Config:
        if isinstance(bad, ConfigError):
            raise bad
        return bad

    with Service(config, frames=40, reread=reread) as running:
        errors = []

        def reload() -> None:
            with pytest.raises((ConfigError, ModelError, SourceError)) as caught:
                running.reload()
            errors.append(caught.value)

        ear = run(running, {5: reload})
        assert len(errors) == 1
        assert running.config == config
        assert running.core.counts.reloads_refused == 1
    assert len(ear.readings) == 40
    assert events.read_text().count("\n") > 1


def test_another_source_is_taken_by_a_reload_and_the_old_one_let_go() -> None:
    changed = replace(BASE, source=replace(DEMO, width=320, height=240))
    with Service(BASE, frames=10, reread=lambda: changed) as running:
        first = running.intake.source
        ear = run(running, {5: running.reload})
        assert [reading.frame.size for reading in ear.readings] == [(640, 480)] * 5 + [(320, 240)] * 5
        assert first is not running.intake.source


def test_sighup_reloads_and_sigterm_ends(caplog: pytest.LogCaptureFixture) -> None:
    before = signal.getsignal(signal.SIGHUP), signal.getsignal(signal.SIGTERM)
    reloaded = threading.Event()

    def reread() -> Config:
        reloaded.set()
        return BASE

    with Service(BASE, reread=reread) as running:

        def hang_up() -> None:
            os.kill(os.getpid(), signal.SIGHUP)
            assert running.core.requests.wake.wait(10)

        ear = run(running, {3: hang_up, 6: lambda: os.kill(os.getpid(), signal.SIGTERM)})
        assert reloaded.is_set()
        assert running.core.stop.asked
        assert len(ear.readings) >= 6
    assert before == (signal.getsignal(signal.SIGHUP), signal.getsignal(signal.SIGTERM))


def test_a_model_is_swapped_without_a_restart_and_refused_if_it_does_not_prove_itself(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.tflite"
    whole = build.model_path(BASE.classify.model).read_bytes()
    damaged.write_bytes(whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:])
    with Service(BASE, frames=40) as running:
        before = running.pipeline.parts.classifier.name
        errors: list[Exception] = []
        lines: list[str] = []

        def swap() -> None:
            try:
                running.use_model(str(damaged))
            except ModelError as error:
                errors.append(error)
            lines.append(running.use_model("emotion-fer2013"))

        swapper = threading.Thread(target=swap)

        def begin() -> None:
            swapper.start()
            assert running.core.requests.wake.wait(20)
            assert running.pipeline.parts.classifier.name == before, "the damaged one was not taken"

        ear = run(running, {25: begin})
        swapper.join()
        assert lines == ["model emotion-fer2013"]
        assert len(errors) == 1
        assert len(ear.readings) == 40
        assert running.pipeline.parts.classifier.name == running.core.model.name == "emotion-fer2013"
        labels = set(ear.readings[-1].estimates[0].scores)
        assert labels == set(running.pipeline.parts.classifier.labels)


def test_commands_reach_the_running_service(folders: Path) -> None:
    socket = Path(os.environ["RUNTIME_DIRECTORY"]) / "control.sock"
    answers = []
    with Service(BASE, reread=lambda: BASE) as running:

        def command() -> None:
            requests = (
                {"command": "status"},
                {"command": "reload"},
                {"command": "privacy", "on": True},
                {"command": "status"},
                {"command": "privacy", "on": False},
                {"command": "model", "name": "emotion-fer2013"},
            )
            answers.extend(ask(socket, request) for request in requests)
            running.core.state.wait_for(Phase.RUNNING, 20)
            running.stop()

        caller = threading.Thread(target=command)
        ear = run(running, {3: caller.start})
        caller.join()
    status, reloaded, on, private, off, model = answers
    assert status["phase"] == "running"
    assert status["frames"] >= 2
    assert reloaded == "settings reloaded, changed: nothing"
    assert (on["on"], on["phase"], on["by"]) == (True, "private", "command")
    assert private["phase"] == "private"
    assert off["on"] is False
    assert model == "model emotion-fer2013"
    assert ear.phases()[:3] == ["running", "private", "running"]
    assert not socket.exists()


def test_privacy_of_the_last_run_holds_before_a_camera_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    with Service(BASE) as running:
        running.core.privacy.set(True, by="test")

    def touched(_config: object) -> None:
        raise AssertionError("a camera was looked for")

    monkeypatch.setattr(build, "choose", touched)
    monkeypatch.setattr(build, "open_source", touched)
    with Service(BASE) as running:
        running.core.state.subscribe(lambda status: running.stop() if status.phase is Phase.PRIVATE else None)
        running.run()
        assert running.core.state.phase is Phase.PRIVATE


def absent(_config: object) -> None:
    raise SourceError("v4l2: no camera found")


def test_without_a_camera_a_command_by_hand_ends_and_a_service_waits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(build, "open_source", absent)
    config = replace(BASE, source=SourceConfig(kind="v4l2"))
    with pytest.raises(SourceError, match="no camera found"):
        Service(config)
    notifier = Notifier(str(tmp_path / "nobody"))
    with Service(config, notifier=notifier) as running:
        running.core.state.subscribe(lambda status: running.stop() if status.phase is Phase.NO_SOURCE else None)
        running.run()
        assert running.core.state.status.note == "v4l2: no camera found"


def test_a_service_without_a_camera_does_not_show_the_demo_in_its_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(build, "choose", lambda config: "demo" if config.kind == "auto" else config.kind)
    config = replace(BASE, source=SourceConfig(kind="auto", realtime=False))
    with Service(config) as by_hand:
        assert by_hand.intake.note == "demo"
    with Service(config, notifier=Notifier(str(tmp_path / "nobody"))) as running:
        assert running.intake.source is None
        assert running.intake.note.startswith("no camera found")


def test_a_core_that_is_not_there_is_refused_by_the_settings_name() -> None:
    config = replace(BASE, service=ServiceConfig(cores=(1000,), max_rss_mb=0))
    with pytest.raises(ConfigError, match=r"service\.cores = \[1000\]: this machine allows \["):
        service.run(config, frames=1)


@pytest.fixture
def everything_undone() -> Iterator[None]:
    threads = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= threads


def test_what_was_opened_is_closed_where_a_later_part_fails(everything_undone: None, tmp_path: Path) -> None:
    config = replace(BASE, jsonl=JsonlConfig(stdout=False, file=str(tmp_path / "none" / "file")))
    with pytest.raises(OSError, match=r"jsonl\.file"):
        Service(config)
