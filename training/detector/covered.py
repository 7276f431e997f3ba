"""Faces behind medical masks, drawn onto FER's crops: photos of people who wear one are few, and mostly small."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FINER = 4
"""The outline is drawn so many times larger and then averaged, so that it has no stairs."""

SHADE = 0.35
"""How much of the face's own light and shade lies on the cloth."""


def cover(crop: NDArray[np.uint8], box: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The crop with a mask from the nose to the chin. crop: uint8 (side, side). box: of the face, in its sides."""
    side = len(crop)
    cloth = cv2.resize(outline(side * FINER, box, rng), (side, side), interpolation=cv2.INTER_AREA)
    own = crop.astype(np.float32)
    soft = cv2.GaussianBlur(own, (0, 0), side / 12)
    shade = SHADE * (soft - soft.mean()) + np.linspace(rng.uniform(-15, 15), rng.uniform(-15, 15), side)[:, None]
    folds = rng.uniform(0, 12) * np.sin(np.arange(side)[:, None] * rng.uniform(0.4, 1.5) + rng.uniform(0, 6))
    mask = rng.uniform(10, 245) + shade + folds + rng.normal(0, rng.uniform(0, 4), crop.shape)
    return np.asarray(np.clip(np.rint(own + cloth * (mask - own)), 0, 255), np.uint8)


def outline(side: int, box: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """1 where the cloth is: float32 (side, side)."""
    left, top, right, bottom = (float(at) * side for at in box[:4])
    width, height = right - left, bottom - top
    middle = (left + right) / 2 + rng.uniform(-0.08, 0.08) * width
    edge = top + rng.uniform(0.42, 0.6) * height
    points = [
        (left - 0.02 * width, edge + rng.uniform(0.0, 0.12) * height),
        (middle - 0.12 * width, edge - rng.uniform(-0.03, 0.06) * height),
        (middle + 0.12 * width, edge - rng.uniform(-0.03, 0.06) * height),
        (right + 0.02 * width, edge + rng.uniform(0.0, 0.12) * height),
        (right - 0.06 * width, top + rng.uniform(0.8, 0.9) * height),
        (middle + 0.16 * width, bottom + 0.03 * height),
        (middle - 0.16 * width, bottom + 0.03 * height),
        (left + 0.06 * width, top + rng.uniform(0.8, 0.9) * height),
    ]
    drawn = np.zeros((side, side), np.float32)
    cv2.fillPoly(drawn, [np.rint(points).astype(np.int32)], (1.0,))
    return drawn
