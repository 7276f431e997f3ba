"""Changing training faces as cameras, detectors and people do, so that the model learns what stays the same.

Everything is a function of the random generator that it is given: the same seed gives the same pictures.
"""

from __future__ import annotations

from typing import Annotated

import cv2
import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

Share = Annotated[float, Meta(ge=0, le=1)]


class Augmentation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How much each change may do; 0 switches it off.

    flip, erase, shrink, noise: the share of pictures it happens to.
    shift: of the side, each way. zoom: of the scale, each way. rotate_deg: each way.
    brightness: of the full range, each way. contrast: of the scale, each way.
    mixup: the alpha of the Beta distribution that mixes two pictures and their targets. cutmix: likewise, for a
    rectangle of one in the other; with both on, every batch gets one of the two.
    """

    flip: Share = 0.5
    shift: Annotated[float, Meta(ge=0, le=0.5)] = 0.08
    zoom: Annotated[float, Meta(ge=0, lt=1)] = 0.1
    rotate_deg: Annotated[float, Meta(ge=0, le=90)] = 10.0
    brightness: Share = 0.1
    contrast: Annotated[float, Meta(ge=0, lt=1)] = 0.2
    erase: Share = 0.25
    shrink: Share = 0.1
    noise: Share = 0.1
    mixup: Annotated[float, Meta(ge=0, le=4)] = 0.0
    cutmix: Annotated[float, Meta(ge=0, le=4)] = 0.0


NOTHING = Augmentation(flip=0, shift=0, zoom=0, rotate_deg=0, brightness=0, contrast=0, erase=0, shrink=0, noise=0)

ERASED_AREA = (0.05, 0.25)
SMALLEST_FACE_PX = 16
NOISE_LEVELS = 8.0
"""Standard deviation of simulated sensor noise, in levels of 0..255."""


def augment(pixels: NDArray[np.uint8], how: Augmentation, rng: np.random.Generator) -> NDArray[np.float32]:
    """Changed copies, in 0..1.

    pixels: uint8, shape (n, side, side). Returns float32, shape (n, side, side, 1).
    """
    count, side = pixels.shape[:2]
    changed = np.empty(pixels.shape, np.float32)
    matrices = _matrices(count, side, how, rng)
    shrunk_to = np.where(rng.random(count) < how.shrink, rng.integers(SMALLEST_FACE_PX, side, count), side)
    for number, picture in enumerate(pixels):
        moved = cv2.warpAffine(picture, matrices[number], (side, side), borderMode=cv2.BORDER_REPLICATE)
        if shrunk_to[number] < side:
            small = cv2.resize(moved, (int(shrunk_to[number]),) * 2, interpolation=cv2.INTER_AREA)
            moved = cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR)
        changed[number] = moved
    gain = 1 + rng.uniform(-how.contrast, how.contrast, (count, 1, 1)).astype(np.float32)
    lift = 255 * rng.uniform(-how.brightness, how.brightness, (count, 1, 1)).astype(np.float32)
    mean = changed.mean(axis=(1, 2), keepdims=True)
    changed = (changed - mean) * gain + mean + lift
    noisy = np.flatnonzero(rng.random(count) < how.noise)
    changed[noisy] += rng.normal(0, NOISE_LEVELS, (len(noisy), side, side)).astype(np.float32)
    _erase(changed, np.flatnonzero(rng.random(count) < how.erase), rng)
    return np.asarray(np.clip(changed / 255, 0, 1)[..., np.newaxis], np.float32)


def mixup(
    pictures: NDArray[np.float32], targets: dict[str, NDArray[np.float32]], alpha: float, rng: np.random.Generator
) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
    """Each picture blended with another one, and its targets in the same proportion.

    Source: Zhang et al. 2018, arXiv:1710.09412.
    """
    count = len(pictures)
    share = rng.beta(alpha, alpha, count).astype(np.float32)
    share = np.maximum(share, 1 - share)
    partner = rng.permutation(count)
    weight = share[:, np.newaxis]
    mixed = {name: weight * array + (1 - weight) * array[partner] for name, array in targets.items()}
    weight = share[:, np.newaxis, np.newaxis, np.newaxis]
    return weight * pictures + (1 - weight) * pictures[partner], mixed


def cutmix(
    pictures: NDArray[np.float32], targets: dict[str, NDArray[np.float32]], alpha: float, rng: np.random.Generator
) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
    """Each picture with a rectangle of another one in it, and its targets in the proportion of the areas.

    Source: Yun et al. 2019, arXiv:1905.04899.
    """
    count, side = pictures.shape[:2]
    partner = rng.permutation(count)
    area = rng.beta(alpha, alpha, count)
    # As with mixup the larger part stays: a face, not a frame around another one.
    cut = np.rint(side * np.sqrt(np.minimum(area, 1 - area))).astype(int)
    corners = rng.integers(0, side - cut + 1, (2, count))
    cutout = pictures.copy()
    for row, (length, top, left) in enumerate(zip(cut, *corners, strict=True)):
        place = np.s_[top : top + length, left : left + length]
        cutout[row][place] = pictures[partner[row]][place]
    share = (1 - (cut / side) ** 2).astype(np.float32)[:, np.newaxis]
    return cutout, {name: share * array + (1 - share) * array[partner] for name, array in targets.items()}


def mix(
    pictures: NDArray[np.float32],
    targets: dict[str, NDArray[np.float32]],
    how: Augmentation,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
    """A batch after mixup or cutmix, whichever is on."""
    ways = [(way, alpha) for way, alpha in ((mixup, how.mixup), (cutmix, how.cutmix)) if alpha > 0]
    if not ways:
        return pictures, targets
    way, alpha = ways[int(rng.integers(len(ways)))] if len(ways) > 1 else ways[0]
    return way(pictures, targets, alpha, rng)


def _matrices(count: int, side: int, how: Augmentation, rng: np.random.Generator) -> NDArray[np.float32]:
    """One 2 x 3 matrix a picture: flip, turn and scale about the centre, then shift."""
    angle = np.deg2rad(rng.uniform(-how.rotate_deg, how.rotate_deg, count))
    scale = 1 + rng.uniform(-how.zoom, how.zoom, count)
    mirror = np.where(rng.random(count) < how.flip, -1.0, 1.0)
    shift = side * rng.uniform(-how.shift, how.shift, (count, 2))
    centre = (side - 1) / 2
    matrices = np.empty((count, 2, 3), np.float32)
    matrices[:, 0, 0], matrices[:, 0, 1] = scale * np.cos(angle) * mirror, -scale * np.sin(angle)
    matrices[:, 1, 0], matrices[:, 1, 1] = scale * np.sin(angle) * mirror, scale * np.cos(angle)
    matrices[:, :, 2] = centre + shift - matrices[:, :, :2].sum(axis=2) * centre
    return matrices


def _erase(pictures: NDArray[np.float32], rows: NDArray[np.intp], rng: np.random.Generator) -> None:
    """Hide a rectangle under a flat grey, as a hand, a cup or a phone does (arXiv:1708.04896)."""
    side = pictures.shape[1]
    for row in rows:
        area = rng.uniform(*ERASED_AREA) * side * side
        aspect = np.exp(rng.uniform(-1, 1))
        height = int(np.clip(round(np.sqrt(area * aspect)), 1, side))
        width = int(np.clip(round(np.sqrt(area / aspect)), 1, side))
        top, left = rng.integers(0, side - height + 1), rng.integers(0, side - width + 1)
        pictures[row, top : top + height, left : left + width] = rng.uniform(0, 255)
