"""`mien feedback`: the kept faces, counted, copied as a tree that training reads, and deleted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from edge.cli import cli
from edge.config import FeedbackConfig
from edge.feedback import Seen, open_store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two angry faces and a happy one."""
    folder = tmp_path / "kept"
    store = open_store(FeedbackConfig(folder=str(folder)))
    for number, label in enumerate(("anger", "anger", "happiness")):
        store.keep(Seen(number, 0.0, "a", "neutral", np.full((48, 48), number, np.uint8)), label)
    return folder


def feedback(folder: Path, *words: str, answer: str = "") -> Result:
    options = ["--set", f"feedback.folder={folder}"]
    return CliRunner().invoke(cli, ["feedback", *words, *options], input=answer, standalone_mode=False)


def test_they_are_counted_by_label(folder: Path) -> None:
    lines = feedback(folder, "list").output.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [["1", "happiness"], ["2", "anger"]]
    assert lines[2].split()[0] == "3"


def test_they_are_exported_as_one_folder_a_label(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert feedback(folder, "export", str(out)).output == f"3 faces in {out}\n"
    assert sorted(path.parent.name for path in out.glob("*/*.png")) == ["anger", "anger", "happiness"]
    assert len(list(folder.glob("*/*.png"))) == 3


def test_training_reads_the_very_crops_and_labels_back(folder: Path, tmp_path: Path) -> None:
    from training.readers import read_faces

    out = tmp_path / "out"
    feedback(folder, "export", str(out))
    faces = read_faces(out)  # what `mien-train fit --extra` does
    assert faces.pixels.shape == (3, 48, 48)
    found = [
        (faces.labels[emotion], np.unique(crop).tolist())
        for emotion, crop in zip(faces.emotions, faces.pixels, strict=True)
    ]
    assert sorted(found) == [("anger", [0]), ("anger", [1]), ("happiness", [2])]


def test_they_are_not_exported_over_something_else(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    result = feedback(folder, "export", str(tmp_path))
    assert "must be a new or empty folder" in str(result.exception)


@pytest.mark.parametrize(("words", "answer", "left"), [(["--yes"], "", 0), ([], "y\n", 0), ([], "n\n", 3)])
def test_they_are_deleted_when_that_is_confirmed(folder: Path, words: list[str], answer: str, left: int) -> None:
    feedback(folder, "delete", *words, answer=answer)
    assert len(list(folder.glob("*/*.png"))) == left


def test_a_folder_that_is_not_there_holds_none(tmp_path: Path) -> None:
    assert feedback(tmp_path / "none", "list").output.split()[0] == "0"
    assert feedback(tmp_path / "none", "delete", "--yes").output == "0 faces deleted\n"
