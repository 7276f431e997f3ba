"""Copies are found, strangers are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from training.duplicates import duplicate_groups, perceptual_hash


@pytest.fixture
def picture() -> NDArray[np.uint8]:
    rng = np.random.default_rng(3)
    return cv2.resize(rng.integers(0, 255, (12, 12)).astype(np.uint8), (48, 48), interpolation=cv2.INTER_CUBIC)


def same(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> bool:
    return duplicate_groups(np.stack([a, b])).tolist() == [0, 0]


def test_an_exact_copy_is_found(picture: NDArray[np.uint8]) -> None:
    assert same(picture, picture.copy())


def test_a_copy_with_other_contrast_and_light_is_found(picture: NDArray[np.uint8]) -> None:
    assert same(picture, (picture * 0.6 + 40).astype(np.uint8))


def test_a_copy_that_was_shrunk_and_enlarged_is_found(picture: NDArray[np.uint8]) -> None:
    small = cv2.resize(picture, (30, 30), interpolation=cv2.INTER_AREA)
    assert same(picture, cv2.resize(small, (48, 48)))


def test_a_copy_with_noise_is_found(picture: NDArray[np.uint8]) -> None:
    noise = np.random.default_rng(0).normal(0, 5, picture.shape)
    assert same(picture, np.clip(picture + noise, 0, 255).astype(np.uint8))


def test_another_picture_is_no_copy(picture: NDArray[np.uint8]) -> None:
    assert not same(picture, picture[::-1])
    assert not same(picture, picture.T)


def test_copies_of_copies_share_the_first_ones_group(picture: NDArray[np.uint8]) -> None:
    stack = np.stack([picture[::-1], picture, picture.T, picture, picture[::-1]])
    assert duplicate_groups(stack).tolist() == [0, 1, 2, 1, 0]


def test_pairs_are_found_across_blocks(picture: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.duplicates.BLOCK", 2)
    rng = np.random.default_rng(5)
    others = rng.integers(0, 255, (5, 48, 48)).astype(np.uint8)
    assert duplicate_groups(np.concatenate([picture[None], others, picture[None]]))[-1] == 0


def test_the_hash_has_63_signs(picture: NDArray[np.uint8]) -> None:
    signs = perceptual_hash(picture[None])
    assert signs.shape == (1, 63)
    assert set(np.unique(signs)) <= {-1, 1}
