"""Events as lines: whole or not at all."""

import json
import resource
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from edge.config import JsonlConfig
from edge.errors import SinkError
from edge.messages import FaceLeft, Frame, Reading
from edge.sinks.jsonl import JsonlSink


def reading(*tracks: str) -> Reading:
    events = tuple(
        FaceLeft(
            time=datetime(2026, 1, 2, tzinfo=UTC),
            time_s=1.5,
            camera="door",
            frame=7,
            track=track,
            emotion="happiness",
            duration_s=3.25,
        )
        for track in tracks
    )
    return Reading(Frame(np.zeros((2, 2), np.uint8), 1.5, 0.0, 7), (), events)


def test_each_event_is_one_line_with_its_type_schema_and_iso_time(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    sink = JsonlSink(JsonlConfig(stdout=False, file=str(file)))
    sink.publish(reading("a", "b"))
    sink.publish(reading())
    sink.close()
    sink.close()
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["track"] for line in lines] == ["a", "b"]
    assert lines[0] == {
        "type": "face_left",
        "schema": 1,
        "time": "2026-01-02T00:00:00Z",
        "time_s": 1.5,
        "camera": "door",
        "frame": 7,
        "track": "a",
        "emotion": "happiness",
        "duration_s": 3.25,
    }


def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    JsonlSink(JsonlConfig(stdout=False, file=str(file))).close()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_that_exists_is_continued(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text("before\n")
    sink = JsonlSink(JsonlConfig(stdout=False, file=str(file)))
    sink.publish(reading("a"))
    sink.close()
    assert file.read_text().startswith("before\n{")


def test_standard_output_gets_the_lines_at_once(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    JsonlSink(JsonlConfig(stdout=True)).publish(reading("a"))
    assert json.loads(capfdbinary.readouterr().out)["track"] == "a"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"jsonl\.file = .*none/x: cannot be written: No such file"):
        JsonlSink(JsonlConfig(file=str(tmp_path / "none" / "x")))


def test_a_full_disk_is_told_by_the_file_and_the_systems_words() -> None:
    sink = JsonlSink(JsonlConfig(stdout=False, file="/dev/full"))
    with pytest.raises(SinkError, match="/dev/full: cannot be written: No space left on device"):
        sink.publish(reading("a"))


def test_a_disk_that_fills_up_within_a_line_leaves_whole_lines_only(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    line = len(f'{{"x": "{"y" * 40}"}}\n')
    script = """
import signal, sys
from edge.sinks.jsonl import JsonlSink
from edge.config import JsonlConfig
from edge.errors import SinkError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sink = JsonlSink(JsonlConfig(stdout=False, file=sys.argv[1]))
written = 0
try:
    while True:
        sink._append(sink._file, ('{"x": "%s"}\\n' % ("y" * 40)).encode())
        written += 1
except SinkError as error:
    print(written, error)
"""
    limit = 10 * line + line // 2
    result = subprocess.run(
        [sys.executable, "-c", script, str(file)],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert result.stdout.startswith("10 ")
    assert "File too large" in result.stdout
    assert len(file.read_text().splitlines()) == 10
    assert all(json.loads(text) for text in file.read_text().splitlines())
