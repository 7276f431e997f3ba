"""Annotated copies: the original stays, boxes and captions stay inside the picture."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.draw import COLOURS, draw_faces, write_picture
from edge.errors import SinkError
from edge.model.labels import FERPLUS


def test_every_label_has_a_colour_of_its_own() -> None:
    assert set(COLOURS) == set(FERPLUS)
    assert len(set(COLOURS.values())) == len(FERPLUS)


@pytest.mark.parametrize("box", [(20, 30, 60, 80), (0, 0, 99, 99), (-30, -30, 40, 40), (90, 90, 180, 180)])
def test_a_box_is_drawn_in_its_emotions_colour_and_the_original_is_left_alone(box: tuple) -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    drawn = draw_faces(picture, [(box, "anger 62%")])
    assert not picture.any()
    assert drawn.shape == picture.shape
    assert (drawn == COLOURS["anger"]).all(axis=2).any()


def test_a_grey_picture_becomes_a_colour_copy() -> None:
    assert draw_faces(np.zeros((50, 60), np.uint8), []).shape == (50, 60, 3)


def test_a_written_copy_can_be_read_again(tmp_path: Path) -> None:
    write_picture(tmp_path / "new" / "a.png", np.full((10, 12, 3), 77, np.uint8))
    assert (cv2.imread(str(tmp_path / "new" / "a.png")) == 77).all()


def test_an_unknown_suffix_or_a_file_in_the_way_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"a\.xyz: no picture format"):
        write_picture(tmp_path / "a.xyz", np.zeros((4, 4, 3), np.uint8))
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match="cannot be written"):
        write_picture(tmp_path / "file" / "a.png", np.zeros((4, 4, 3), np.uint8))
