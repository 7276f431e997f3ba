"""Arrays and paths that are not what they should be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.errors import SourceError
from training.readers import read_faces

GOOD = {
    "pixels": np.zeros((2, 48, 48), np.uint8),
    "emotion": np.array([0, 6], np.int8),
    "usage": np.array(["Training", "PublicTest"]),
}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"pixels": None}, "array 'pixels' is missing"),
        ({"pixels": np.zeros((2, 32, 32), np.uint8)}, "must be uint8"),
        ({"pixels": np.zeros((2, 48, 48), np.float32)}, "must be uint8"),
        ({"pixels": np.zeros((0, 48, 48), np.uint8)}, "holds no face"),
        ({"emotion": np.array([0, 7])}, "row 1: emotion 7: must be 0 to 6"),
        ({"emotion": np.array([0.5, 1.0])}, "must be whole numbers"),
        ({"emotion": np.array([0])}, "1 rows for 2 pictures"),
        ({"votes": np.zeros((2, 8), np.uint8)}, "votes: shape"),
    ],
)
def test_an_npz_that_breaks_a_rule_is_refused(tmp_path: Path, change: dict[str, Any], rule: str) -> None:
    arrays = {key: value for key, value in {**GOOD, **change}.items() if value is not None}
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(SourceError, match=rule):
        read_faces(tmp_path / "x.npz")


def test_a_truncated_npz_is_refused(npz: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.npz"
    path.write_bytes(npz.read_bytes()[:5000])
    with pytest.raises(SourceError, match="no npz file that can be read"):
        read_faces(path)


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", **{**GOOD, "usage": np.array([{}, {}], object)}, allow_pickle=True)
    with pytest.raises(SourceError, match="no npz file that can be read"):
        read_faces(tmp_path / "x.npz")


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file or folder"):
        read_faces(tmp_path / "none.npz")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "faces.zip").write_bytes(b"PK")
    with pytest.raises(SourceError, match=r"neither \.npz, \.csv nor a folder"):
        read_faces(tmp_path / "faces.zip")
