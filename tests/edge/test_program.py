"""The real command, started as a user starts it, its lines read as a listener reads them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.config import SourceConfig
from edge.messages import Box
from edge.model.package import BUNDLED, DEFAULT_MODEL
from edge.sources import demo

MIEN = [sys.executable, "-m", "edge.cli"]
FAST = ["--set", "source.realtime=false", "--set", "web.enabled=false"]
FRAMES = 200


def mien(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MIEN, *arguments], capture_output=True, text=True, timeout=120, check=False, **options)  # type: ignore[call-overload, no-any-return]


def events_of(output: str) -> list[dict]:
    return [json.loads(line) for line in output.splitlines()]


@pytest.fixture(scope="module")
def demo_run() -> list[dict]:
    result = mien("run", "--source", "demo", "--frames", str(FRAMES), *FAST)
    assert result.returncode == 0, result.stderr
    return events_of(result.stdout)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's first frames as a video file."""
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    scene = demo.Scene(SourceConfig())
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 15, (640, 480), isColor=False)
    assert writer.isOpened()
    for number in range(60):
        writer.write(scene.render(number))
    writer.release()
    return path


def overlap_with_the_script(event: dict) -> float:
    truth = demo.expected(event["frame"])
    return 0.0 if truth is None else truth.iou(Box(*event["box"]))


def test_the_demos_events_tell_its_script(demo_run: list[dict]) -> None:
    told = [(event["type"], event["frame"]) for event in demo_run if event["type"] != "state"]
    kinds = [kind for kind, _ in told]
    assert kinds.count("face_appeared") == 2, told
    assert kinds.count("face_left") == 2, told
    assert told[-1] == ("face_left", FRAMES - 1), "who is in view when it ends is given up"
    assert kinds.index("face_appeared") < kinds.index("emotion_changed") < kinds.index("face_left")
    names = {event["track"] for event in demo_run if event["type"] == "face_appeared"}
    assert len(names) == 2, "a face that was away for longer than track.max_gap_s is a new track"


def test_the_demos_boxes_are_where_the_face_is(demo_run: list[dict]) -> None:
    boxes = [event for event in demo_run if "box" in event]
    assert boxes
    for event in boxes:
        assert overlap_with_the_script(event) > 0.5, event


def test_the_smiling_portrait_is_called_happy(demo_run: list[dict]) -> None:
    first = [event for event in demo_run if event["type"] == "emotion_changed" and event["previous"] is None]
    assert {event["emotion"] for event in first} == {demo.EMOTION}
    for event in first:
        assert sum(event["scores"].values()) == pytest.approx(1, abs=0.01)
        assert event["score"] == event["scores"][demo.EMOTION]


def test_a_state_comes_every_second_with_who_is_in_view(demo_run: list[dict]) -> None:
    *states, last = (event for event in demo_run if event["type"] == "state")
    assert {state["phase"] for state in states} == {"running"}
    assert (last["phase"], last["people"]) == ("stopping", [])
    times = [state["time_s"] for state in states]
    assert np.diff(times) == pytest.approx(1.0, abs=0.07)
    assert any(state["people"] for state in states)
    assert states[0]["people"] == []


def test_a_clip_gives_the_same_events_each_time(clip: Path) -> None:
    def without_what_is_random(output: str) -> list[dict]:
        events = events_of(output)
        for event in events:
            event.pop("time")
            event.pop("track", None)
            for person in event.get("people", []):
                person.pop("track")
        return events

    runs = [mien("run", "--source", str(clip), *FAST) for _ in range(2)]
    assert [run.returncode for run in runs] == [0, 0], runs[0].stderr
    first, second = (without_what_is_random(run.stdout) for run in runs)
    assert first == second
    assert {"face_appeared", "emotion_changed"} <= {event["type"] for event in first}


def test_the_events_also_go_to_a_file(clip: Path, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    result = mien("run", "--source", str(clip), *FAST, "--set", f"jsonl.file={file}")
    assert file.read_text() == result.stdout
    assert len(result.stdout.splitlines()) > 3


def test_sigterm_ends_the_run_within_two_seconds_and_with_status_0() -> None:
    process = subprocess.Popen(
        [*MIEN, "run", "--source", "demo", "--set", "web.port=0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b'{"type":"state"')
    process.send_signal(signal.SIGTERM)
    rest, complaints = process.communicate(timeout=2)
    assert process.returncode == 0, complaints
    assert all(json.loads(line) for line in rest.splitlines())


def test_a_reader_that_leaves_ends_the_run_without_a_word_of_complaint() -> None:
    command = [*MIEN, "run", "--source", "demo", *FAST]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        complaints = process.stderr.read().decode()
    assert process.returncode == 0
    assert "Traceback" not in complaints
    assert "rokenPipe" not in complaints


def altered(tmp_path: Path) -> str:
    content = bytearray((BUNDLED / f"{DEFAULT_MODEL}.tflite").read_bytes())
    content[len(content) // 2] ^= 1
    file = tmp_path / "altered.tflite"
    file.write_bytes(content)
    return str(file)


def made(path: Path, content: bytes = b"") -> str:
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(
            lambda d: ["run", "--source", "webcam"], "--source webcam: neither a kind", id="unknown source"
        ),
        pytest.param(lambda d: ["run", "--source", str(d / "none.mp4")], "none.mp4: neither", id="missing video"),
        pytest.param(lambda d: ["run", "--source", made(d / "a.mp4", b"no")], "a.mp4", id="truncated video"),
        pytest.param(lambda d: ["run", "--source", str(d)], "no picture", id="empty folder"),
        pytest.param(lambda d: ["run", "--source", "/dev/video99"], "/dev/video99", id="absent camera"),
        pytest.param(
            lambda d: ["run", "--config", str(d / "c.toml")], "c.toml: cannot be read", id="missing config"
        ),
        pytest.param(
            lambda d: ["run", "--config", made(d / "c.toml", b"[sauce]")],
            "sauce: no such setting",
            id="unknown key",
        ),
        pytest.param(
            lambda d: ["run", "--set", "source.fps=-1"], "source.fps = -1: must be > 0", id="out of range"
        ),
        pytest.param(
            lambda d: ["run", "--set", "source.fps=x"], 'source.fps = "x": must be float', id="wrong type"
        ),
        pytest.param(
            lambda d: ["run", "--set", "classify.model=none"], "none: no bundled model", id="missing model"
        ),
        pytest.param(
            lambda d: ["run", "--set", f"classify.model={altered(d)}"], "altered.tflite: hash", id="altered"
        ),
        pytest.param(lambda d: ["run", "--set", f"jsonl.file={d}/no/x"], "no/x: cannot be written", id="output"),
        pytest.param(lambda d: ["run", "--set", "detect.backend=yunet"], "detect.model", id="yunet without file"),
        pytest.param(lambda d: ["predict", made(d / "a.jpg", b"no")], "a.jpg", id="no image"),
        pytest.param(lambda d: ["predict", str(d / "none.jpg")], "none.jpg", id="missing image"),
        pytest.param(
            lambda d: ["config", "--check", made(d / "c.toml", b"web = 1")], "web = 1: must be", id="check"
        ),
    ],
)
def test_bad_input_is_one_line_and_a_status_that_is_not_0(
    tmp_path: Path, arguments: object, complaint: str
) -> None:
    result = mien(*arguments(tmp_path), cwd=tmp_path)  # type: ignore[operator]
    assert result.returncode not in (0, -signal.SIGSEGV)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("mien: ")
    assert complaint in lines[0]


def test_a_run_without_a_page_does_not_load_the_web_stack() -> None:
    script = (
        "import sys\nfrom edge.cli import cli\n"
        f"cli(['run', '--source', 'demo', '--frames', '1', *{FAST!r}], standalone_mode=False)\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(result.stderr.split())
    assert "edge.pipeline" in loaded
    assert not loaded & {"starlette", "uvicorn", "websockets", "tensorflow", "keras", "matplotlib", "asyncio"}


def test_environment_names_the_config_file(tmp_path: Path) -> None:
    made(tmp_path / "c.toml", b"[source]\nfps = 0\n")
    result = mien("run", env={**os.environ, "MIEN_CONFIG": str(tmp_path / "c.toml")})
    assert "c.toml: source.fps = 0: must be > 0" in result.stderr
