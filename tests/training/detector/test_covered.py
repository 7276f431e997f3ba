"""Masks drawn onto faces."""

import numpy as np

from training.detector.covered import cover

BOX = np.array([0.1, 0.0, 0.9, 1.0, 0.95], np.float32)


def stripes() -> np.ndarray:
    """A crop whose every second row is bright, so that what lies on it shows."""
    crop = np.full((48, 48), 60, np.uint8)
    crop[::2] = 200
    return crop


def test_a_mask_hides_the_mouth_and_leaves_the_eyes() -> None:
    crop = stripes()
    for seed in range(40):
        covered = cover(crop, BOX, np.random.default_rng(seed))
        assert (covered[:14] == crop[:14]).all()
        mouth = covered[32:36, 18:30].astype(float)
        assert np.abs(np.diff(mouth, axis=0)).mean() < 40, "the stripes, 140 apart, still show"
        assert covered.dtype == np.uint8
    assert (crop == stripes()).all()


def test_the_same_seed_draws_the_same_mask_and_others_differ() -> None:
    first, again, other = (cover(stripes(), BOX, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_masks_are_of_many_shades() -> None:
    shades = [float(cover(stripes(), BOX, np.random.default_rng(seed))[34, 24]) for seed in range(60)]
    assert min(shades) < 60
    assert max(shades) > 190
