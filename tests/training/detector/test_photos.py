"""Photos with boxes: what a folder may hold, and what breaks the format, told in one line."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import SourceError
from training.detector.photos import read_photos


def write(folder: Path, table: str, names: tuple[str, ...] = ("a.png", "b.png"), inside: str = "") -> Path:
    (folder / inside).mkdir(exist_ok=True)
    for name in names:
        cv2.imwrite(str(folder / inside / name), np.zeros((30, 40), np.uint8))
    (folder / "boxes.csv").write_text(table)
    return folder


@pytest.mark.parametrize("inside", ["", "img"])
def test_photos_come_by_name_with_their_boxes_and_marks(tmp_path: Path, inside: str) -> None:
    table = "image,x,y,w,h,invalid,label\na.png,1,2,10,20,,mask\na.png,5,5,3,3,1,\n"
    first, second = read_photos(write(tmp_path, table, inside=inside))
    assert first.path.name == "a.png"
    assert first.boxes.tolist() == [[1, 2, 11, 22], [5, 5, 8, 8]]
    assert first.ignored.tolist() == [False, True]
    assert first.labels == ("mask", "")
    assert second.boxes.shape == (0, 4)
    assert second.read_luma().shape == (30, 40)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("image,x,y,w\n", r"boxes\.csv: column 'h' is missing"),
        ("", r"boxes\.csv: column 'image' is missing"),
        ("image,x,y,w,h\na.png,1,2,x,4\n", r"boxes\.csv: line 2: x, y, w, h and invalid must be numbers"),
        ("image,x,y,w,h\na.png,1,2\n", r"line 2: x, y, w, h"),
        ("image,x,y,w,h\na.png,1,2,nan,4\n", r"line 2: a box has finite sides"),
        ("image,x,y,w,h\na.png,1,2,-3,4\n", r"line 2: a box has finite sides"),
        ("image,x,y,w,h\nz.png,1,2,3,4\n", r"boxes\.csv: z\.png: no such photo"),
    ],
)
def test_a_table_that_breaks_the_format_is_one_line(tmp_path: Path, table: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read_photos(write(tmp_path, table))


def test_a_folder_without_table_or_photos_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"boxes\.csv: cannot be read: No such file"):
        read_photos(tmp_path)
    with pytest.raises(SourceError, match="holds no photo"):
        read_photos(write(tmp_path, "image,x,y,w,h\n", names=()))


def test_a_photo_that_is_no_picture_is_one_line(tmp_path: Path) -> None:
    (photo,) = read_photos(write(tmp_path, "image,x,y,w,h\n", names=("a.png",)))
    photo.path.write_bytes(b"no picture")
    with pytest.raises(SourceError, match=r"a\.png: no picture that can be read"):
        photo.read_luma()
