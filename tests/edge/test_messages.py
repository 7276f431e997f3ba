"""The records: frozen, and boxes that know their geometry."""

import msgspec
import numpy as np
import pytest

from edge.messages import Box, Event, FaceLeft, Frame, State


def test_a_message_never_changes_after_birth() -> None:
    box = Box(0, 0, 1, 1)
    with pytest.raises(AttributeError):
        box.x_min = 5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("other", "iou"),
    [
        (Box(0, 0, 10, 10), 1.0),
        (Box(5, 0, 15, 10), 1 / 3),
        (Box(10, 0, 20, 10), 0.0),
        (Box(30, 30, 40, 40), 0.0),
        (Box(2, 2, 7, 7), 0.25),
        (Box(5, 5, 5, 5), 0.0),
    ],
)
def test_overlap_is_shared_area_over_joint_area_either_way_round(other: Box, iou: float) -> None:
    box = Box(0, 0, 10, 10)
    assert box.iou(other) == pytest.approx(iou)
    assert other.iou(box) == pytest.approx(iou)


def test_a_box_tells_its_centre_size_and_whole_pixels() -> None:
    box = Box(10.4, 20.6, 30.4, 60.6)
    assert (box.width, box.height, box.area) == pytest.approx((20, 40, 800))
    assert box.centre == pytest.approx((20.4, 40.6))
    assert box.as_pixels() == (10, 21, 30, 61)
    assert Box(5, 5, 1, 1).area == 0


def test_a_frames_size_is_width_and_height() -> None:
    assert Frame(np.zeros((240, 320), np.uint8), 0.0, 0.0).size == (320, 240)


def test_events_tell_their_type_and_are_read_back_as_it() -> None:
    line = (
        b'{"type":"face_left","schema":1,"time":"2026-01-02T03:04:05Z","time_s":1.5,"camera":"door","frame":7,'
        b'"track":"a","emotion":null,"duration_s":2.0}'
    )
    event = msgspec.json.decode(line, type=Event)
    assert isinstance(event, FaceLeft)
    assert msgspec.json.encode(event) == line
    assert State.__struct_config__.tag == "state"
