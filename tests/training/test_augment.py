"""Changed faces stay faces, and the same seed gives the same ones."""

from __future__ import annotations

import msgspec
import numpy as np

from training.augment import NOTHING, Augmentation, augment, cutmix, mix, mixup
from training.dataset import Faces


def test_nothing_changes_where_everything_is_off(faces: Faces) -> None:
    changed = augment(faces.pixels, NOTHING, np.random.default_rng(0))
    assert changed.shape == (len(faces), 48, 48, 1)
    assert np.abs(changed[..., 0] * 255 - faces.pixels).max() < 1e-3


def test_the_same_seed_gives_the_same_pictures_and_another_does_not(faces: Faces) -> None:
    first, again, other = (augment(faces.pixels, Augmentation(), np.random.default_rng(n)) for n in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_values_stay_between_0_and_1(faces: Faces) -> None:
    strong = Augmentation(brightness=1, contrast=0.9, noise=1, erase=1)
    changed = augment(faces.pixels, strong, np.random.default_rng(0))
    assert changed.dtype == np.float32
    assert changed.min() >= 0
    assert changed.max() <= 1


def test_a_flip_mirrors(faces: Faces) -> None:
    how = msgspec.structs.replace(NOTHING, flip=1)
    changed = augment(faces.pixels, how, np.random.default_rng(0))
    assert np.abs(changed[..., 0] * 255 - faces.pixels[:, :, ::-1]).max() < 1.5


def test_a_shift_moves_by_at_most_its_share(faces: Faces) -> None:
    spot = np.zeros((64, 48, 48), np.uint8)
    spot[:, 23:25, 23:25] = 255
    changed = augment(spot, msgspec.structs.replace(NOTHING, shift=0.1), np.random.default_rng(0))[..., 0]
    rows = (changed.sum(axis=2) @ np.arange(48)) / changed.sum(axis=(1, 2))
    off = np.abs(rows - 23.5)
    assert 2 < off.max() <= 4.9


def test_mixup_blends_pictures_and_targets_alike() -> None:
    pictures = np.zeros((8, 48, 48, 1), np.float32)
    pictures[4:] = 1
    targets = {"fer2013": np.eye(7, dtype=np.float32)[[0, 0, 0, 0, 1, 1, 1, 1]]}
    mixed, blended = mixup(pictures, targets, 0.4, np.random.default_rng(0))
    assert np.allclose(mixed.mean(axis=(1, 2, 3)), blended["fer2013"][:, 1], atol=1e-5)
    assert np.allclose(blended["fer2013"].sum(axis=1), 1)


def test_cutmix_gives_each_picture_a_square_of_another_and_its_share_of_the_target() -> None:
    pictures = np.zeros((8, 48, 48, 1), np.float32)
    pictures[4:] = 1
    targets = {"fer2013": np.eye(7, dtype=np.float32)[[0, 0, 0, 0, 1, 1, 1, 1]]}
    cut, blended = cutmix(pictures, targets, 1.0, np.random.default_rng(0))
    assert np.allclose(cut.mean(axis=(1, 2, 3)), blended["fer2013"][:, 1], atol=1e-5)
    assert set(np.unique(cut)) == {0, 1}, "nothing is blended"
    assert not pictures[:4].any(), "the source stays"
    kept = np.where(np.arange(8) < 4, blended["fer2013"][:, 0], blended["fer2013"][:, 1])
    assert (kept >= 0.5 - 0.02).all(), "the larger part is the picture's own"


def test_with_both_on_a_batch_gets_one_of_the_two() -> None:
    pictures = np.stack([np.full((48, 48, 1), value, np.float32) for value in (0.0, 1.0)] * 4)
    targets = {"fer2013": np.eye(7, dtype=np.float32)[[0, 1] * 4]}
    how = msgspec.structs.replace(NOTHING, mixup=0.4, cutmix=1.0)
    blended = [
        bool(set(np.unique(mix(pictures, targets, how, np.random.default_rng(seed))[0])) - {0.0, 1.0})
        for seed in range(20)
    ]
    assert set(blended) == {True, False}


def test_cutmix_leaves_the_draws_of_mixup_alone() -> None:
    """A recipe without it trains on the very batches it always had."""
    pictures = np.random.default_rng(1).random((8, 48, 48, 1)).astype(np.float32)
    targets = {"fer2013": np.eye(7, dtype=np.float32)}
    targets["fer2013"] = np.concatenate([targets["fer2013"], targets["fer2013"][:1]])
    how = msgspec.structs.replace(NOTHING, mixup=0.4)
    direct, _ = mixup(pictures, targets, 0.4, np.random.default_rng(3))
    chosen, _ = mix(pictures, targets, how, np.random.default_rng(3))
    assert np.array_equal(direct, chosen)
