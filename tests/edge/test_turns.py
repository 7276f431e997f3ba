"""Who is classified next: nobody waits for ever, and a face is mirrored every other time it is."""

from __future__ import annotations

from collections import Counter

import pytest

from edge.messages import Box, Face, Track
from edge.turns import Turns


def tracks(*names: str, visible: bool = True) -> list[Track]:
    return [Track(name, Face(Box(0, 0, 50, 60), 0.9), 0.0, 0.0, 3, visible) for name in names]


def names(turns: list) -> list[str]:
    return [turn.track.id for turn in turns]


def test_a_few_faces_are_classified_in_every_frame_mirrored_every_other_time() -> None:
    turns = Turns()
    for frame in range(6):
        chosen = turns.choose(tracks("a", "b"), 4)
        assert names(chosen) == ["a", "b"]
        assert {turn.mirrored for turn in chosen} == {frame % 2 == 1}


@pytest.mark.parametrize(("faces", "most"), [(200, 4), (7, 3), (5, 1)])
def test_many_take_turns_and_each_is_mirrored_every_other_time(faces: int, most: int) -> None:
    turns, everybody = Turns(), tracks(*(f"t{n}" for n in range(faces)))
    rounds = 6
    counted: Counter[tuple[str, bool]] = Counter()
    for _ in range(-(-faces * rounds // most)):
        chosen = turns.choose(everybody, most)
        assert len(chosen) == most
        counted.update((turn.track.id, turn.mirrored) for turn in chosen)
    for track in everybody:
        plain, mirrored = counted[track.id, False], counted[track.id, True]
        assert abs(plain - mirrored) <= 1
        assert abs(plain + mirrored - rounds) <= 1


def test_who_is_new_comes_first() -> None:
    turns = Turns()
    for _ in range(5):
        turns.choose(tracks("a", "b", "c"), 2)
    assert names(turns.choose(tracks("a", "b", "c", "new"), 1)) == ["new"]


def test_who_is_out_of_sight_is_not_classified_and_who_has_left_is_forgotten() -> None:
    turns = Turns()
    assert names(turns.choose(tracks("a") + tracks("b", visible=False), 4)) == ["a"]
    for number in range(100):
        turns.choose(tracks(f"t{number}"), 4)
    assert len(turns._last) == 1
