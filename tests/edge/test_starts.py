"""Starts are counted where a service manager keeps a folder for it, and never hold one up."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.starts import count_start


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Not there yet."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    return tmp_path / "state"


def test_each_start_has_the_next_number(folder: Path) -> None:
    assert [count_start(folder) for _ in range(3)] == [1, 2, 3]
    assert (folder / "starts").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("said", [b"", b"many", b"-4", b"\xff\xff", b"9" * 100])
def test_what_is_no_number_is_begun_anew(folder: Path, said: bytes) -> None:
    folder.mkdir()
    (folder / "starts").write_bytes(said)
    assert [count_start(folder), count_start(folder)] == [1, 2]


def test_a_start_that_cannot_be_counted_is_told_and_goes_on(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.write_text("a file where the folder should be")
    assert count_start(folder) == 0
    (line,) = caplog.messages
    assert line.startswith(f"{folder}/starts: this start is not counted: ")


def test_what_is_run_by_hand_is_not_counted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATE_DIRECTORY")
    assert count_start(folder) == 0
    assert not folder.exists()
