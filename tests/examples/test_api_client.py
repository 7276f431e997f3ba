"""The client against a real service that plays the demo."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from api_client import AwayError, Mien, RefusedError, line_of

from edge.messages import EmotionChanged, FaceAppeared, FaceLeft, State
from edge.model.package import BUNDLED
from edge.sources import demo

FIELDS = {
    str(kind.__struct_config__.tag): {"type", *kind.__struct_fields__}
    for kind in (EmotionChanged, FaceAppeared, FaceLeft, State)
}


def test_events_come_as_they_happen_and_a_change_is_said_in_words(address: str) -> None:
    for event in Mien(address).events():
        assert set(event) == FIELDS[event["type"]]
        line = line_of(event)
        assert (line is None) == (event["type"] == "state")
        if event["type"] == "emotion_changed":
            assert f"face {event['track']} looks like {event['emotion']} (" in str(line)
            return


def test_it_asks_who_is_there_how_the_device_is_and_what_a_picture_shows(address: str) -> None:
    mien = Mien(address)
    next(event for event in mien.events() if event["type"] == "state")
    assert isinstance(mien.state()["people"], list)
    assert mien.device()["camera"] == "camera"
    (face,) = mien.faces_in(BUNDLED / "portrait.jpg")["faces"]
    assert face["emotion"] == demo.EMOTION


def test_it_closes_the_camera_and_opens_it_again(address: str) -> None:
    mien = Mien(address)
    events = mien.events()
    assert mien.set_privacy(on=True)["on"] is True
    try:
        assert next(event for event in events if event.get("phase") == "private")["people"] == []
    finally:
        assert mien.set_privacy(on=False)["on"] is False
    assert any(event.get("phase") == "running" for event in events)


def test_what_is_refused_is_told_in_the_services_words(address: str, tmp_path: Path) -> None:
    (tmp_path / "no.jpg").write_text("no picture")
    with pytest.raises(RefusedError, match="neither a whole JPEG nor a whole PNG"):
        Mien(address).faces_in(tmp_path / "no.jpg")


def test_where_nobody_answers_it_says_so() -> None:
    with pytest.raises(AwayError, match=r"127\.0\.0\.1:9"):
        next(Mien("http://127.0.0.1:9/").events())


def test_as_a_program_it_prints_what_it_hears_until_it_is_stopped(address: str, examples: Path) -> None:
    program = subprocess.Popen(
        [sys.executable, examples / "api_client.py", address], stdout=subprocess.PIPE, text=True
    )
    assert program.stdout
    line = program.stdout.readline()
    program.send_signal(signal.SIGINT)
    program.communicate(timeout=60)
    assert "  face " in line
    assert program.returncode == 0
