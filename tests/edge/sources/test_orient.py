"""Turned clockwise, then mirrored."""

import numpy as np
import pytest

from edge.config import SourceConfig
from edge.sources import open_source
from edge.sources.orient import orient

PICTURE = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)


@pytest.mark.parametrize(
    ("rotate", "mirror", "seen"),
    [
        (0, False, [[1, 2, 3], [4, 5, 6]]),
        (0, True, [[3, 2, 1], [6, 5, 4]]),
        (90, False, [[4, 1], [5, 2], [6, 3]]),
        (90, True, [[1, 4], [2, 5], [3, 6]]),
        (180, False, [[6, 5, 4], [3, 2, 1]]),
        (270, False, [[3, 6], [2, 5], [1, 4]]),
    ],
)
def test_a_picture_is_turned_clockwise_and_then_mirrored(rotate: int, mirror: bool, seen: list) -> None:
    assert orient(PICTURE, rotate, mirror=mirror).tolist() == seen


def test_the_settings_turn_any_source() -> None:
    plain, turned = (
        open_source(SourceConfig(kind="demo", realtime=False, rotate=rotate))
        for rotate in (0, 90)  # type: ignore[arg-type]
    )
    before, after = next(iter(plain)), next(iter(turned))
    assert after.size == before.size[::-1]
    assert np.array_equal(after.luma, np.rot90(before.luma, -1))
    assert (turned.name, turned.live, turned.dropped) == (plain.name, plain.live, plain.dropped)
    assert turned.close() is True
