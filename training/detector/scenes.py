"""FER faces placed into scenes: pictures whose faces, and what they feel, are known to the pixel."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge.messages import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLURRED_PX = 48
MARGIN = 0.35
"""How far a face's surroundings reach beyond its crop, in sides of it, before the scene alone is seen."""


def place_face(
    scene: NDArray[np.uint8], face: NDArray[np.uint8], side_px: int, corner: tuple[int, int]
) -> tuple[NDArray[np.uint8], Box]:
    """(picture, square): a copy of the scene with the face's crop enlarged to side_px at its corner (x, y).

    The crop ends where a head goes on, so it is continued by its own mirror image, more and more blurred, which
    fades into the scene: without a seam that a detector could take for the face's outline.
    scene: uint8, shape (height, width). face: uint8, shape (48, 48). What lies outside the scene is cut off; the
    square is not.
    """
    margin = round(MARGIN * side_px)
    method = cv2.INTER_AREA if side_px < len(face) else cv2.INTER_LINEAR
    enlarged = cv2.resize(face, (side_px, side_px), interpolation=method)
    wide = cv2.copyMakeBorder(enlarged, margin, margin, margin, margin, cv2.BORDER_REFLECT)
    # Blurred while it is small: what a blur leaves loses nothing by it, and time goes by the square of the size.
    small = cv2.resize(wide, (BLURRED_PX, BLURRED_PX), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), BLURRED_PX / (1 + 2 * MARGIN) / 12)
    blurred = cv2.resize(small, wide.shape[::-1], interpolation=cv2.INTER_LINEAR)
    sharp, opaque = masks(side_px, margin)
    patch = blurred + sharp * (wide.astype(np.float32) - blurred)
    x, y = corner
    height, width = scene.shape
    left, top = max(0, x - margin), max(0, y - margin)
    right, bottom = min(width, x + side_px + margin), min(height, y + side_px + margin)
    part = np.s_[top - y + margin : bottom - y + margin, left - x + margin : right - x + margin]
    picture = scene.copy()
    under = picture[top:bottom, left:right]
    picture[top:bottom, left:right] = np.rint(under + opaque[part] * (patch[part] - under))
    return picture, Box(x, y, x + side_px, y + side_px)


@cache
def masks(side_px: int, margin: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(sharp, opaque) around a crop: both 1 inside it; how much is not blurred, and not yet scene, beyond.

    Both fall to 0 towards the margin's end; their corners are round, as heads are.
    """
    at = np.arange(side_px + 2 * margin, dtype=np.float32) + 0.5 - margin
    ramp = np.clip(at, 0, side_px) - at
    beyond = np.hypot(ramp[:, None], ramp[None, :]) / max(margin, 1)
    near = np.clip(1 - beyond, 0, 1)
    return np.clip(1 - 3 * beyond, 0, 1).astype(np.float32), (near**2 * (3 - 2 * near)).astype(np.float32)


def plain_scene(size: tuple[int, int], grey: int) -> NDArray[np.uint8]:
    """A wall of one grey. size: (width, height)."""
    return np.full(size[::-1], grey, np.uint8)


def fit_scene(luma: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A photo enlarged or shrunk to cover the size (width, height), its middle cut out."""
    width, height = size
    factor = max(width / luma.shape[1], height / luma.shape[0])
    scaled = max(width, round(luma.shape[1] * factor)), max(height, round(luma.shape[0] * factor))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    luma = np.asarray(cv2.resize(luma, scaled, interpolation=method), np.uint8)
    x, y = (scaled[0] - width) // 2, (scaled[1] - height) // 2
    return np.ascontiguousarray(luma[y : y + height, x : x + width])
