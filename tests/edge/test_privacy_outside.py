"""The privacy switch as another process sees it: what the service's own holds open, and what it does not."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from waiting import until

from edge.config import SourceConfig
from edge.sources import demo

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no /proc")

PATIENCE_S = 60


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A second of the demo, with its face."""
    path = tmp_path / "clip.avi"
    scene = demo.Scene(SourceConfig(kind="demo", fps=15))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 15, (640, 480), isColor=False)
    for number in range(30, 45):
        writer.write(scene.render(number))
    writer.release()
    return path


def held_by(pid: int) -> set[str]:
    """The files that a process has open or mapped."""
    held = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            held.add(str(descriptor.readlink()))
    return held | {line.split(maxsplit=5)[-1] for line in Path(f"/proc/{pid}/maps").read_text().splitlines()}


@contextlib.contextmanager
def running(clip: Path) -> Iterator[int]:
    """The real command, whose camera is the clip; its process."""
    changes = ["web.enabled=false", "jsonl.stdout=false", "source.loop=true", f"jsonl.file={clip.parent}/events"]
    options = [word for change in changes for word in ("--set", change)]
    command = [sys.executable, "-m", "edge.cli", "run", "--source", str(clip), *options]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield process.pid
        finally:
            process.terminate()


def switch(state: str) -> None:
    subprocess.run([sys.executable, "-m", "edge.cli", "privacy", state], check=True, capture_output=True)


def test_while_it_is_on_the_process_holds_no_camera_and_says_nothing_of_faces(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    events = tmp_path / "events"
    with running(clip) as pid:
        until(lambda: events.exists() and "emotion_changed" in events.read_text(), PATIENCE_S)
        assert str(clip) in held_by(pid)
        switch("on")
        assert str(clip) not in held_by(pid)
        assert not [name for name in held_by(pid) if name.startswith(("/dev/video", "/dev/media", "/dev/v4l"))]
        # A file's clock stands still with its frames, so the state is told once; of faces nothing is.
        until(lambda: '"phase":"private"' in events.read_text(), PATIENCE_S)
        told = events.read_text()
        assert '"people":[{' not in told.partition('"phase":"private"')[2]
        switch("status")
        assert events.read_text() == told
        switch("off")
        until(lambda: str(clip) in held_by(pid), PATIENCE_S)
        until(lambda: "face_appeared" in events.read_text()[len(told) :], PATIENCE_S)


def test_a_service_that_starts_private_never_touches_its_camera(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "privacy.json").write_text("nothing that could be read")
    read_at = clip.stat().st_atime_ns
    with running(clip) as pid:
        events = tmp_path / "events"
        until(lambda: events.exists() and '"phase":"private"' in events.read_text(), PATIENCE_S)
        assert str(clip) not in held_by(pid)
    assert clip.stat().st_atime_ns == read_at
