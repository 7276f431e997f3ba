"""Tracks: one id while a face is in view, whatever single frames miss."""

from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config import TrackConfig
from edge.messages import Box, Face
from edge.track import Tracker, as_rows, closeness, nearness, random_id


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


def test_faces_that_cross_keep_their_ids_though_one_covers_the_other() -> None:
    t = tracker(min_hits=1, max_gap_s=1.0)
    for step in range(30):
        left, right = face(20 + 10 * step), face(310 - 10 * step, y=104)
        covered = abs(left.box.x_min - right.box.x_min) < 50
        tracks = t.update(step / 15, [left] if covered else [right, left])
    assert {track.id: track.face for track in tracks} == {"t0": right, "t1": left}


def test_a_moving_face_that_is_covered_for_a_moment_is_the_same_where_it_comes_out() -> None:
    t = tracker(min_hits=1)
    for step in range(24):
        tracks = t.update(step / 15, [] if 10 <= step < 16 else [face(20 + 15 * step)])
    assert ids(tracks) == ["t0"]


def test_between_looks_a_moving_face_is_carried_on_and_a_still_one_stands() -> None:
    t = tracker(min_hits=1)
    trembling = [0, 1, -1, 1, 0]
    for step in range(5):
        t.update(step / 10, [face(20 + 12 * step), face(300 + trembling[step])])
    moving, still = t.carry(0.5)
    assert moving.face.box.x_min == pytest.approx(80, abs=1)
    assert still.face.box.x_min == 300
    assert moving.visible
    assert still.visible
    assert t.carry(20.0)[0].face.box.x_min < 150, "not for ever"


def test_one_look_that_misses_does_not_end_a_track_however_rare_the_looks_are() -> None:
    t = tracker(min_hits=1, max_gap_s=1.0)
    t.update(0.0, [face(100)])
    assert ids(t.update(1.3, [])) == ["t0"]
    assert ids(t.update(2.6, [face(100)])) == ["t0"]
    assert ids(t.update(3.9, [])) == ["t0"]
    assert t.update(5.2, []) == []


def test_two_hundred_faces_keep_their_ids() -> None:
    t = tracker(min_hits=1)
    crowd = [face(40.0 * (n % 20), 50.0 * (n // 20), side=30) for n in range(200)]
    before = {track.id: track.face for track in t.update(0.0, crowd)}
    shifted = [face(f.box.x_min + 4, f.box.y_min + 3, side=30) for f in reversed(crowd)]
    after = {track.id: track.face for track in t.update(0.1, shifted)}
    assert before.keys() == after.keys()
    for name, found in after.items():
        assert found.box.x_min - before[name].box.x_min == pytest.approx(4)


def test_whoever_comes_after_everyone_was_forgotten_is_somebody_new() -> None:
    t = tracker(min_hits=1)
    t.update(0.0, [face(100)])
    t.forget()
    assert not t.follows
    assert ids(t.update(0.1, [face(100)])) == ["t1"]


def test_an_id_in_use_is_not_drawn_again() -> None:
    drawn = iter(["a", "a", "a", "b"])
    t = Tracker(TrackConfig(min_hits=1), new_id=lambda: next(drawn))
    t.update(0.0, [face(10)])
    assert ids(t.update(0.1, [face(10), face(300)])) == ["a", "b"]


box_values = st.tuples(*(st.floats(0, 400) for _ in range(2)), *(st.floats(1, 200) for _ in range(2)))
boxes = box_values.map(lambda v: Box(v[0], v[1], v[0] + v[2], v[1] + v[3]))


@settings(deadline=None)  # a busy machine
@given(st.lists(boxes, min_size=1, max_size=5), st.lists(boxes, min_size=1, max_size=5))
def test_few_faces_and_many_are_matched_by_the_same_measure(places: list[Box], found: list[Box]) -> None:
    one_by_one = np.array([[nearness(place, find, 0.2) for find in found] for place in places])
    assert closeness(as_rows(places), as_rows(found), 0.2) == pytest.approx(one_by_one, abs=1e-6)
