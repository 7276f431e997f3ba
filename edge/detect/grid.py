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

CHANNELS = sum(NUMBERS * (STRIDES[-1] // stride) ** 2 for stride in STRIDES)

MAX_CANDIDATES = 1000
"""The best so many cells are looked at: a frame full of faces has about five for each."""

NMS_IOU = 0.4
VOTING_IOU = 0.65


def unpack(cells: NDArray[Any]) -> list[NDArray[Any]]:
    """The grids of an output, finest first: each (rows, columns, NUMBERS).

    cells: shape (height / 32, width / 32, CHANNELS), the squares of finer cells packed into channels.
    """
    rows, columns, _ = cells.shape
    grids, start = [], 0
    for stride in STRIDES:
        side = STRIDES[-1] // stride
        end = start + NUMBERS * side * side
        grid = cells[:, :, start:end].reshape(rows, columns, side, side, NUMBERS)
        grids.append(grid.transpose(0, 2, 1, 3, 4).reshape(rows * side, columns * side, NUMBERS))
        start = end
    return grids


def decode(
    cells: NDArray[Any], *, scale: float = 1.0, zero_point: int = 0, min_score: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(boxes (n, 4), scores (n,)) of the cells that reach min_score, best first, MAX_CANDIDATES at most.

    Boxes are x_min, y_min, x_max, y_max in pixels of the picture. cells: as `unpack` takes them, raw; a real
    number is (raw - zero_point) * scale.
    """
    lowest = np.log(max(min_score, 1e-6) / max(1 - min_score, 1e-6)) / scale + zero_point
    numbers, centres, strides = [], [], []
    for stride, grid in zip(STRIDES, unpack(cells), strict=True):
        rows, columns = np.nonzero(grid[:, :, 0] >= lowest)  # on raw numbers: most cells end here
        numbers.append(grid[rows, columns])
        centres.append(np.stack([columns, rows], axis=1) + 0.5)
        strides.append(np.full(len(rows), stride, np.float32))
    values = (np.concatenate(numbers).astype(np.float32) - zero_point) * np.float32(scale)
    best = np.argsort(-values[:, 0], kind="stable")[:MAX_CANDIDATES]
    values, pixels = values[best], np.concatenate(strides)[best, None]
    middle = (np.concatenate(centres)[best] + OFFSET_SCALE * values[:, 1:3]) * pixels
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
        voters = overlap >= VOTING_IOU
        voters[one] = True
        voted[one] = np.average(boxes[voters], axis=0, weights=scores[voters])
        free &= overlap < NMS_IOU
        free[one] = False  # a box without area does not overlap itself
        kept.append(one)
    return voted[kept], scores[kept]
