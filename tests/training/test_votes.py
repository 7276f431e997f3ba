"""FER+'s rules for ten people who disagree."""

from __future__ import annotations

import numpy as np
import pytest

from edge.model.labels import FERPLUS
from training.votes import distribution, majority

CASES = [
    # neutral happiness surprise sadness anger disgust fear contempt unknown NF -> winner
    ([10, 0, 0, 0, 0, 0, 0, 0, 0, 0], "neutral"),
    ([4, 6, 0, 0, 0, 0, 0, 0, 0, 0], "happiness"),
    ([5, 5, 0, 0, 0, 0, 0, 0, 0, 0], None),
    ([4, 1, 1, 1, 1, 1, 1, 0, 0, 0], "neutral"),
    ([4, 2, 2, 0, 0, 0, 0, 0, 2, 0], None),
    ([2, 0, 0, 0, 0, 0, 0, 0, 8, 0], None),
    ([2, 0, 0, 0, 0, 0, 0, 0, 0, 8], None),
    ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], None),
]


@pytest.mark.parametrize(("votes", "winner"), CASES)
def test_more_than_half_of_the_counted_votes_win(votes: list[int], winner: str | None) -> None:
    found = majority(np.array([votes], np.uint8))[0]
    assert (FERPLUS[found] if found >= 0 else None) == winner


def test_a_distribution_leaves_single_votes_unknown_and_no_face_out() -> None:
    shares = distribution(np.array([[6, 2, 1, 0, 0, 0, 0, 0, 1, 0]], np.uint8))[0]
    assert shares == pytest.approx([0.75, 0.25, 0, 0, 0, 0, 0, 0])


def test_a_face_that_most_cannot_read_has_no_distribution() -> None:
    assert not distribution(np.array([[3, 0, 0, 0, 0, 0, 0, 0, 7, 0]], np.uint8)).any()
