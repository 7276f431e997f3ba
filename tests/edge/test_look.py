"""When faces are looked for: at once where something moves, once a second where nothing does."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.look import IDLE_LOOK_S, Look, block_means, moved
from edge.messages import Frame

SHAPE = (480, 640)
FPS = 10


def room(seed: int = 0, noise: float = 0.0) -> NDArray[np.uint8]:
    """An uneven wall with the noise of a sensor."""
    rng = np.random.default_rng(0)
    wall = 90 + 40 * np.sin(np.arange(SHAPE[1]) / 60) + rng.normal(0, 8, SHAPE)
    noisy = wall + np.random.default_rng(seed + 1).normal(0, noise, SHAPE)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def with_a_face(luma: NDArray[np.uint8], x: int, side: int = 24) -> NDArray[np.uint8]:
    changed = luma.copy()
    changed[200 : 200 + side, x : x + side] = np.clip(
        changed[200 : 200 + side, x : x + side].astype(int) + 30, 0, 255
    )
    return changed


def looks(look: Look, pictures: list[NDArray[np.uint8]], *, every: int = 1, faces: bool = False) -> list[int]:
    """The numbers of the frames in which faces are looked for."""
    return [
        number
        for number, luma in enumerate(pictures)
        if look.is_due(Frame(luma, number / FPS, 0.0, number), every, faces=faces)
    ]


@pytest.mark.parametrize("noise", [0, 5, 15])
def test_in_a_still_room_faces_are_looked_for_once_a_second_noise_or_not(noise: float) -> None:
    pictures = [room(number, noise) for number in range(31)]
    assert looks(Look(motion_gate=True), pictures) == [0, 10, 20, 30]
    assert IDLE_LOOK_S == 1


@pytest.mark.parametrize("x", [3, 300, 612])
def test_a_small_face_that_comes_is_noticed_in_its_first_frame(x: int) -> None:
    empty = room(noise=5)
    pictures = [empty] * 4 + [with_a_face(empty, x)] * 3
    assert looks(Look(motion_gate=True), pictures) == [0, 4]


def test_what_creeps_in_more_slowly_than_the_threshold_adds_up_until_it_is_motion() -> None:
    empty = room()
    pictures = [np.clip(empty.astype(int) + step, 0, 255).astype(np.uint8) for step in range(9) for _ in range(1)]
    brighter = [np.clip(empty.astype(int) + 3 * step, 0, 255).astype(np.uint8) for step in range(9)]
    assert looks(Look(motion_gate=True), pictures) == [0]
    assert looks(Look(motion_gate=True), brighter) == [0, 4, 8]


def test_while_faces_are_in_view_stillness_saves_nothing() -> None:
    assert looks(Look(motion_gate=True), [room()] * 6, faces=True) == list(range(6))


def test_without_the_gate_every_frame_counts() -> None:
    assert looks(Look(motion_gate=False), [room()] * 6) == list(range(6))


def test_every_nth_frame_begins_with_the_first() -> None:
    assert looks(Look(motion_gate=False), [room()] * 10, every=3) == [0, 3, 6, 9]


def test_a_clock_that_steps_back_or_far_on_is_a_reason_to_look() -> None:
    look = Look(motion_gate=True)
    luma = room()
    times = [1000.0, 1000.1, -2600.0, -2599.9, 5000.0, 5000.1]
    assert [look.is_due(Frame(luma, time_s, 0.0), 1, faces=False) for time_s in times] == [True, False] * 3


def test_another_size_is_motion_and_tiny_frames_are_no_trouble() -> None:
    assert moved(block_means(room()), block_means(room()[:240]))
    tiny = np.zeros((3, 5), np.uint8)
    assert block_means(tiny).shape == (1, 1)
    assert looks(Look(motion_gate=True), [tiny, room(), tiny]) == [0, 1, 2]
