"""What the detector's output means: the cells of three grids over the picture, and the box that each speaks of.

The one owner of the decoding: training computes its loss by the same numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

STRIDES = (8, 16, 32)
"""Pixels from one cell to the next, of each grid."""

NUMBERS = 5
"""What a cell says: a logit (face or not), the centre's offset (x, y) from its own, the size (width, height)."""

OFFSET_SCALE = 0.25
SIZE_SCALE = 1 / 3
SIZE_START = 1.0
"""All five numbers share one int8 scale, so they are stretched to like ranges: the box's centre is the cell's plus
OFFSET_SCALE * number strides, its size exp(SIZE_START + SIZE_SCALE * number) strides."""

PLACES = np.array(
    [
        ((x + 0.5) * stride, (y + 0.5) * stride, stride)
        for stride in STRIDES
        for y in range(STRIDES[-1] // stride)
        for x in range(STRIDES[-1] // stride)
    ],
    np.float32,
)
"""The cells that one square of the coarsest grid holds, as the output's channels do, finest first: each one's
middle (x, y) from the square's corner and its stride, in pixels."""

CHANNELS = NUMBERS * len(PLACES)

MAX_CANDIDATES = 1000
"""The best so many cells are looked at: a frame full of faces has about five for each."""

NMS_IOU = 0.4
VOTING_IOU = 0.65


def decode(
    cells: NDArray[Any], *, scale: float = 1.0, zero_point: int = 0, min_score: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(boxes (n, 4), scores (n,)) of the cells that reach min_score, best first, MAX_CANDIDATES at most.

    Boxes are x_min, y_min, x_max, y_max in pixels of the picture. cells: an output, raw, shape (height / 32,
    width / 32, CHANNELS); a real number is (raw - zero_point) * scale.
    """
    lowest = np.log(max(min_score, 1e-6) / max(1 - min_score, 1e-6)) / scale + zero_point
    rows, columns, _ = cells.shape
    packed = cells.reshape(rows, columns, len(PLACES), NUMBERS)
    row, column, place = np.nonzero(packed[:, :, :, 0] >= lowest)  # on raw numbers: most cells end here
    values = (packed[row, column, place].astype(np.float32) - zero_point) * np.float32(scale)
    best = np.argsort(-values[:, 0], kind="stable")[:MAX_CANDIDATES]
    values, places = values[best], PLACES[place[best]]
    pixels = places[:, 2:]
    corner = np.stack([column[best], row[best]], axis=1) * STRIDES[-1]
    middle = corner + places[:, :2] + OFFSET_SCALE * values[:, 1:3] * pixels
    # A size beyond e^8 strides is no face; without the bound a strange model would overflow.
    half = np.exp(np.clip(SIZE_START + SIZE_SCALE * values[:, 3:5], -8, 8)) * pixels / 2
    boxes = np.concatenate([middle - half, middle + half], axis=1).astype(np.float32)
    return boxes, (1 / (1 + np.exp(-np.clip(values[:, 0], -30, 30)))).astype(np.float32)


def suppress(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], max_faces: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """One box for each face: the best of those that overlap, moved to the mean of those that overlap it most.

    boxes, scores: best first. Source of the averaging: "box voting", Gidaris and Komodakis, 2015.
    """
    kept: list[int] = []
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    free = np.ones(len(boxes), bool)
    voted = boxes.copy()
    for one in range(len(boxes)):
        if not free[one]:
            continue
        if len(kept) == max_faces:
            break
        low = np.maximum(boxes[one, :2], boxes[:, :2])
        high = np.minimum(boxes[one, 2:], boxes[:, 2:])
        shared = np.clip(high - low, 0, None).prod(axis=1)
        overlap = shared / np.maximum(areas[one] + areas - shared, 1e-6)
        voices = scores * (overlap >= VOTING_IOU)
        voices[one] = scores[one]
        voted[one] = voices @ boxes / voices.sum()
        free &= overlap < NMS_IOU
        free[one] = False  # a box without area does not overlap itself
        kept.append(one)
    return voted[kept], scores[kept]
