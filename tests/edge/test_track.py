"""Tracks: one id while a face is in view, whatever single frames miss."""

from itertools import count

import pytest

from edge.config import TrackConfig
from edge.messages import Box, Face
from edge.track import Tracker, random_id


def face(x: float, y: float = 100, side: float = 60) -> Face:
    return Face(Box(x, y, x + side, y + side), 0.9)


def tracker(**settings: float) -> Tracker:
    numbers = count()
    return Tracker(TrackConfig(**settings), new_id=lambda: f"t{next(numbers)}")


def ids(tracks: list) -> list[str]:
    return [track.id for track in tracks]


def test_a_face_counts_only_after_min_hits() -> None:
    t = tracker(min_hits=3)
    assert t.update(0.0, [face(10)]) == []
    assert t.update(0.1, [face(11)]) == []
    assert ids(t.update(0.2, [face(12)])) == ["t0"]


def test_a_moving_face_keeps_its_id_and_shows_its_latest_box() -> None:
    t = tracker(min_hits=1)
    for step in range(30):
        (track,) = t.update(step / 15, [face(10 + 12 * step)])
        assert track.id == "t0"
        assert track.face.box.x_min == 10 + 12 * step
    assert track.hits == 30
    assert track.since_s == 0.0


def test_a_jump_without_overlap_but_within_a_face_length_is_the_same_face() -> None:
    t = tracker(min_hits=1)
    t.update(0.0, [face(100)])
    assert ids(t.update(0.1, [face(145)])) == ["t0"]


def test_a_face_of_double_size_elsewhere_is_another_one() -> None:
    t = tracker(min_hits=1)
    t.update(0.0, [face(100, side=30)])
    assert ids(t.update(0.1, [face(125, side=90)])) == ["t0", "t1"]


def test_a_missed_face_is_kept_unseen_for_the_gap_and_then_gone() -> None:
    t = tracker(min_hits=1, max_gap_s=1.0)
    t.update(0.0, [face(100)])
    (track,) = t.update(0.9, [])
    assert not track.visible
    assert ids(t.update(1.0, [face(102)])) == ["t0"]
    assert ids(t.update(1.6, [])) == ["t0"]
    assert t.update(2.1, []) == []
    assert ids(t.update(2.2, [face(102)])) == ["t1"]


def test_two_faces_passing_side_by_side_keep_their_ids() -> None:
    t = tracker(min_hits=1)
    for step in range(20):
        left, right = face(20 + 10 * step, y=50), face(220 - 10 * step, y=160)
        tracks = t.update(step / 15, [right, left] if step % 2 else [left, right])
        by_id = {track.id: track.face for track in tracks}
        assert by_id == {"t0": left, "t1": right}


def test_each_find_continues_one_track_at_most() -> None:
    t = tracker(min_hits=1)
    t.update(0.0, [face(100), face(130)])
    tracks = t.update(0.1, [face(115)])
    assert [track.visible for track in tracks].count(True) == 1


@pytest.mark.parametrize("step_back_s", [0.5, 3600.0])
def test_a_clock_that_steps_back_neither_ends_nor_immortalizes_a_track(step_back_s: float) -> None:
    t = tracker(min_hits=1, max_gap_s=1.0)
    t.update(5000.0, [face(100)])
    start = 5000.0 - step_back_s
    assert ids(t.update(start, [])) == ["t0"]
    assert ids(t.update(start + 0.9, [])) == ["t0"]
    assert t.update(start + 1.1, []) == []


def test_ids_are_short_and_do_not_repeat() -> None:
    drawn = {random_id() for _ in range(200)}
    assert all(len(word) == 6 for word in drawn)
    assert len(drawn) > 190
