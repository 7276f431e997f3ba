"""Reading fer2013.csv and fer2013new.csv, good and bad."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.errors import SourceError
from training.dataset import VOTE_COLUMNS
from training.readers import read_faces

PIXELS = " ".join(["7"] * 2304)
HEADER = "emotion,pixels,Usage"
VOTES_HEADER = "Usage,Image name," + ",".join(VOTE_COLUMNS)


def test_a_row_becomes_a_face_with_its_label_and_split(write_csv: Callable[..., Path]) -> None:
    ramp = " ".join(str(n % 256) for n in range(2304))
    faces = read_faces(write_csv(HEADER, f"3,{ramp},Training", f"6,{PIXELS},PublicTest"))
    assert faces.pixels[0].ravel().tolist() == [n % 256 for n in range(2304)]
    assert [faces.labels[n] for n in faces.emotions] == ["happiness", "neutral"]
    assert faces.splits.tolist() == ["Training", "PublicTest"]


def test_the_columns_of_icml_face_data_are_read_too(write_csv: Callable[..., Path]) -> None:
    faces = read_faces(write_csv("emotion, Usage, pixels", f"0,PrivateTest,{PIXELS}", name="icml_face_data.csv"))
    assert faces.splits.tolist() == ["PrivateTest"]
    assert faces.pixels.shape == (1, 48, 48)


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (f"7,{PIXELS},Training", "emotion must be 0 to 6"),
        (f"glad,{PIXELS},Training", "emotion must be 0 to 6"),
        ("1,1 2 3,Training", "there must be 2304 pixels"),
        (f"1,{PIXELS} 7,Training", "there must be 2304 pixels"),
        (f"1,{PIXELS.replace('7', '256', 1)},Training", "pixels must be whole numbers from 0 to 255"),
        (f"1,{PIXELS.replace('7', '-1', 1)},Training", "pixels must be whole numbers from 0 to 255"),
        (f"1,{PIXELS.replace('7', 'x', 1)},Training", "pixels must be whole numbers from 0 to 255"),
        ("1", "there must be 2304 pixels"),
    ],
)
def test_a_bad_row_is_left_out_and_counted_with_its_line(
    write_csv: Callable[..., Path], row: str, rule: str
) -> None:
    faces = read_faces(write_csv(HEADER, f"3,{PIXELS},Training", row))
    assert len(faces) == 1
    assert faces.skipped == {f"{rule} (first: line 3)": 1}


def test_a_table_without_a_good_row_names_the_first_fault(write_csv: Callable[..., Path]) -> None:
    with pytest.raises(SourceError, match=r"not one good row: there must be 2304 pixels \(first: line 2\)"):
        read_faces(write_csv(HEADER, "3,1 2,Training"))


def test_a_missing_column_is_named(write_csv: Callable[..., Path]) -> None:
    with pytest.raises(SourceError, match="column 'usage' is missing"):
        read_faces(write_csv("emotion,pixels", f"3,{PIXELS}"))


def test_an_empty_file_is_refused(write_csv: Callable[..., Path]) -> None:
    with pytest.raises(SourceError, match="column 'emotion' is missing"):
        read_faces(write_csv(""))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(SourceError, match="cannot be read"):
        read_faces(path)


def test_votes_are_matched_by_line(write_csv: Callable[..., Path]) -> None:
    table = write_csv(HEADER, f"3,{PIXELS},Training", f"0,{PIXELS},PublicTest")
    votes = write_csv(
        VOTES_HEADER,
        "Training,fer0.png,0,10,0,0,0,0,0,0,0,0",
        "PublicTest,fer1.png,1,0,0,0,9,0,0,0,0,0",
        name="v.csv",
    )
    faces = read_faces(table, votes)
    assert faces.votes is not None
    assert faces.votes[0].tolist() == [0, 10, 0, 0, 0, 0, 0, 0, 0, 0]
    assert faces.votes[1, 4] == 9


def test_votes_keep_their_line_when_a_face_before_is_left_out(write_csv: Callable[..., Path]) -> None:
    table = write_csv(HEADER, "3,1 2,Training", f"0,{PIXELS},Training")
    votes = write_csv(
        VOTES_HEADER, "Training,a.png,0,10,0,0,0,0,0,0,0,0", "Training,b.png,0,0,0,0,10,0,0,0,0,0", name="v.csv"
    )
    faces = read_faces(table, votes)
    assert faces.votes is not None
    assert np.flatnonzero(faces.votes[0]).tolist() == [VOTE_COLUMNS.index("anger")]


def test_what_the_taggers_call_no_face_is_left_out(write_csv: Callable[..., Path]) -> None:
    table = write_csv(HEADER, f"3,{PIXELS},Training", f"0,{PIXELS},Training")
    votes = write_csv(
        VOTES_HEADER, "Training,,0,0,0,0,0,0,0,0,0,10", "Training,b.png,0,0,0,0,10,0,0,0,0,0", name="v.csv"
    )
    faces = read_faces(table, votes)
    assert len(faces) == 1
    assert faces.skipped["no face, by the votes"] == 1


def test_votes_for_another_number_of_faces_are_refused(write_csv: Callable[..., Path]) -> None:
    table = write_csv(HEADER, f"3,{PIXELS},Training")
    votes = write_csv(VOTES_HEADER, *["Training,a.png,0,10,0,0,0,0,0,0,0,0"] * 2, name="v.csv")
    with pytest.raises(SourceError, match="2 rows of votes for 1 rows of faces"):
        read_faces(table, votes)


def test_votes_of_another_split_are_refused(write_csv: Callable[..., Path]) -> None:
    table = write_csv(HEADER, f"3,{PIXELS},Training")
    votes = write_csv(VOTES_HEADER, "PublicTest,a.png,0,10,0,0,0,0,0,0,0,0", name="v.csv")
    with pytest.raises(SourceError, match="line 2: Usage 'PublicTest', but the face's is 'Training'"):
        read_faces(table, votes)


def test_a_vote_that_is_no_number_is_named_with_its_line(write_csv: Callable[..., Path]) -> None:
    table = write_csv(HEADER, f"3,{PIXELS},Training")
    votes = write_csv(VOTES_HEADER, "Training,a.png,0,ten,0,0,0,0,0,0,0,0", name="v.csv")
    with pytest.raises(SourceError, match="line 2: votes must be whole numbers"):
        read_faces(table, votes)


def test_npz_faces_get_their_votes_by_name(npz: Path, write_csv: Callable[..., Path]) -> None:
    names = np.load(npz)["name"]
    rows = [f"Training,{name},0,10,0,0,0,0,0,0,0,0" for name in reversed(names.tolist())]
    faces = read_faces(npz, write_csv(VOTES_HEADER, *rows, name="v.csv"))
    assert faces.votes is not None
    assert (faces.votes[:, 1] == 10).all()


def test_a_face_without_votes_is_named(npz: Path, write_csv: Callable[..., Path]) -> None:
    with pytest.raises(SourceError, match=r"no votes for the face fer0000000\.png"):
        read_faces(npz, write_csv(VOTES_HEADER, "Training,other.png,0,10,0,0,0,0,0,0,0,0", name="v.csv"))
