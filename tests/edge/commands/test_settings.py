"""What is typed goes over what is in the file, and both are held to the same rules."""

from pathlib import Path

import pytest

from edge.commands.settings import settings
from edge.errors import ConfigError, SourceError


def test_typed_changes_go_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mien.toml"
    file.write_text('[source]\nfps = 5\ncamera = "door"\n')
    config = settings(file, ["source.fps=10", "web.enabled=false", "detect.min_score = 0.5"])
    assert (config.source.fps, config.source.camera) == (10.0, "door")
    assert config.web.enabled is False
    assert config.detect.min_score == 0.5


def test_a_bare_word_is_a_string() -> None:
    assert settings(None, ["source.camera=hall"]).source.camera == "hall"


@pytest.mark.parametrize("change", ["fps=3", "source.fps", "=3", "source.=1", ".fps=1"])
def test_a_change_without_section_key_or_value_is_refused(change: str) -> None:
    with pytest.raises(ConfigError, match=r"must be SECTION\.KEY=VALUE"):
        settings(None, [change])


def test_a_change_is_held_to_the_settings_rule() -> None:
    with pytest.raises(ConfigError, match=r"source\.fps = 0: must be > 0"):
        settings(None, ["source.fps=0"])
    with pytest.raises(ConfigError, match=r"sauce\.fps: no such setting|sauce: no such setting"):
        settings(None, ["sauce.fps=1"])
    with pytest.raises(ConfigError, match="web"):
        settings(None, ["web.port=eighty"])


def test_a_source_is_a_kind_a_device_a_folder_or_a_file(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.touch()
    chosen = {
        word: settings(None, source=word).source for word in ("demo", "/dev/video7", str(tmp_path), str(clip))
    }
    assert [(source.kind, source.path) for source in chosen.values()] == [
        ("demo", ""),
        ("v4l2", "/dev/video7"),
        ("images", str(tmp_path)),
        ("video", str(clip)),
    ]


def test_an_unknown_source_is_refused_with_the_kinds_there_are() -> None:
    with pytest.raises(SourceError, match=r"--source webcam: neither a kind \(auto, picamera, v4l2"):
        settings(None, source="webcam")
