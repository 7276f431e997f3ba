"""A file is whole or not there, whatever happens while it is written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from edge.errors import SinkError
from training.whole import written_whole


def test_a_file_gets_its_name_when_it_is_done_and_its_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.txt"
    with written_whole(path) as unfinished:
        unfinished.write_text("done")
        assert not path.exists()
    assert path.read_text() == "done"
    assert list(path.parent.iterdir()) == [path]


def test_a_disk_that_fails_at_the_last_moment_leaves_what_stood_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with (
        pytest.raises(SinkError, match=r"a\.txt: cannot be written: No space left"),
        written_whole(path) as unfinished,
    ):
        unfinished.write_text("new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(SinkError, match=r"a\.txt: cannot be written: (File exists|Not a directory)"),
        written_whole(tmp_path / "file" / "a.txt"),
    ):
        pass
