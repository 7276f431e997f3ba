"""The detector's loss: which cells are to find which face, how sure they are to be, and where the box belongs.

Cells are chosen as they learn, the ones that already say most of a face (task alignment: Feng et al. 2021,
arXiv:2108.07755). Certainty is taught as the teacher's score times the box's overlap (varifocal loss: Zhang et al.
2021, arXiv:2008.13367), boxes by their overlap and centres (DIoU: Zheng et al. 2020, arXiv:1911.08287).
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from edge.detect.grid import NUMBERS, OFFSET_SCALE, SIZE_SCALE, SIZE_START, STRIDES

CANDIDATES = 10
FOCUS, BACKGROUND = 2.0, 0.75
BOX_WEIGHT = 2.5
SPANS_PX = {8: (0, 80), 16: (24, 160), 32: (64, 1 << 16)}
"""The longer sides of the faces that the cells of each stride may find: fine cells see too little of large ones."""


@keras.saving.register_keras_serializable("mien")
class DetectionLoss(keras.losses.Loss):  # type: ignore[misc]
    """Of a batch of pictures of one size.

    y_true: float32 (batch, faces, 5): x_min, y_min, x_max, y_max in pixels and the score; 0 fills up, IGNORED
    (training/detector/boxes.py) marks what may be a face. y_pred: the network's output.
    """

    def call(self, y_true: Any, y_pred: Any) -> Any:
        numbers = unpack(y_pred)
        middles, strides = cell_middles(y_pred.shape[1], y_pred.shape[2])
        logits = numbers[:, :, 0]
        boxes = boxes_of(numbers, middles, strides)
        scores = ops.stop_gradient(ops.sigmoid(logits))
        target, matched, certain = assign(y_true, ops.stop_gradient(boxes), scores, middles, strides)
        total = ops.maximum(ops.sum(target), 1.0)
        score_loss = ops.sum(certain * varifocal(logits, target)) / total
        box_loss = ops.sum(target * distance_iou_loss(boxes, matched)) / total
        return score_loss + BOX_WEIGHT * box_loss


def unpack(cells: Any) -> Any:
    """(batch, cells of all grids, NUMBERS), finest grid first, row by row."""
    _, rows, columns, _ = cells.shape
    grids, start = [], 0
    for stride in STRIDES:
        side = STRIDES[-1] // stride
        end = start + NUMBERS * side * side
        grid = ops.reshape(cells[..., start:end], (-1, rows, columns, side, side, NUMBERS))
        grid = ops.transpose(grid, (0, 1, 3, 2, 4, 5))
        grids.append(ops.reshape(grid, (-1, rows * columns * side * side, NUMBERS)))
        start = end
    return ops.concatenate(grids, axis=1)


def cell_middles(rows: int, columns: int) -> tuple[Any, Any]:
    """(middles (cells, 2), strides (cells, 1)) in pixels, for an output of so many coarsest cells."""
    middles, strides = [], []
    for stride in STRIDES:
        side = STRIDES[-1] // stride
        y, x = np.mgrid[: rows * side, : columns * side]
        middles.append((np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) * stride)
        strides.append(np.full((rows * columns * side * side, 1), stride))
    return np.concatenate(middles).astype(np.float32), np.concatenate(strides).astype(np.float32)


def boxes_of(numbers: Any, middles: Any, strides: Any) -> Any:
    """(batch, cells, 4): x_min, y_min, x_max, y_max in pixels."""
    middle = middles + OFFSET_SCALE * strides * numbers[:, :, 1:3]
    half = ops.exp(ops.clip(SIZE_START + SIZE_SCALE * numbers[:, :, 3:5], -4, 6)) * strides / 2
    return ops.concatenate([middle - half, middle + half], axis=-1)


def pairwise_iou(faces: Any, boxes: Any) -> Any:
    """(batch, faces, cells). Coordinate by coordinate: pairs of numbers at the end of a tensor are slow."""
    left, top, right, bottom = (faces[:, :, None, i] for i in range(4))
    x_min, y_min, x_max, y_max = (boxes[:, None, :, i] for i in range(4))
    wide = ops.relu(ops.minimum(right, x_max) - ops.maximum(left, x_min))
    high = ops.relu(ops.minimum(bottom, y_max) - ops.maximum(top, y_min))
    shared = wide * high
    return shared / ops.maximum(area(faces)[:, :, None] + area(boxes)[:, None, :] - shared, 1e-6)


def area(boxes: Any) -> Any:
    return ops.maximum(boxes[..., 2] - boxes[..., 0], 0.0) * ops.maximum(boxes[..., 3] - boxes[..., 1], 0.0)


def lies_inside(faces: Any, middles: Any) -> Any:
    """Bool (batch, faces, cells): the cell's middle is in the box."""
    x, y = middles[None, None, :, 0], middles[None, None, :, 1]
    faces = faces[:, :, None, :]
    return (x > faces[..., 0]) & (x < faces[..., 2]) & (y > faces[..., 1]) & (y < faces[..., 3])


def suits(faces: Any, strides: Any) -> Any:
    """Bool (batch, faces, cells): the face is of a size that the cell's stride is for."""
    longer = ops.maximum(faces[:, :, 2] - faces[:, :, 0], faces[:, :, 3] - faces[:, :, 1])[:, :, None]
    smallest, largest = (
        np.array([SPANS_PX[int(stride)][end] for stride in strides[:, 0]], np.float32) for end in (0, 1)
    )
    return (longer >= smallest) & (longer <= largest)


def assign(y_true: Any, boxes: Any, scores: Any, middles: Any, strides: Any) -> tuple[Any, Any, Any]:
    """(target (batch, cells), matched box (batch, cells, 4), certain (batch, cells)).

    target: 0 where a cell is to say nothing. certain: 0 where nobody knows what it is to say, else 1.
    """
    inside = ops.cast(lies_inside(y_true, middles), "float32")
    score = y_true[:, :, 4:5]
    eligible = inside * ops.cast(suits(y_true, strides), "float32")
    overlap = pairwise_iou(y_true, boxes) * ops.cast(score > 0, "float32") * eligible
    fit = power_of_iou(overlap) * ops.sqrt(scores)[:, None, :]
    # The best of a face's cells, and any as good as the last of them; a fit of 0 is none.
    last = ops.top_k(fit, CANDIDATES)[0][:, :, -1:]
    chosen = fit >= ops.maximum(last, 1e-12)
    # A cell that two faces want goes to the one it overlaps more.
    wanted = ops.where(chosen, overlap, 0.0)
    most = ops.max(wanted, axis=1, keepdims=True)
    owner = ops.argmax(wanted, axis=1)
    strongest = ops.maximum(ops.max(fit, axis=2, keepdims=True), 1e-12)
    surest = ops.max(wanted, axis=2, keepdims=True)
    quality = ops.where(chosen & (wanted >= most), fit * (surest * score / strongest), 0.0)
    target = ops.max(quality, axis=1)
    matched = ops.take_along_axis(y_true[:, :, :4], ops.cast(owner, "int32")[:, :, None], axis=1)
    doubtful = ops.max(inside * ops.cast(score < 0, "float32"), axis=1)
    certain = ops.where((doubtful > 0) & (target <= 0), 0.0, 1.0)
    return ops.stop_gradient(target), ops.stop_gradient(matched), certain


def power_of_iou(overlap: Any) -> Any:
    """To the power of 6, as a fit takes it (the score to the power of 1/2): multiplied out, it is fast."""
    square = overlap * overlap
    return square * square * square


def varifocal(logits: Any, target: Any) -> Any:
    """Cross entropy to a soft target: a face's cells weigh what they are to say, others what they err."""
    entropy = ops.relu(logits) - logits * target + ops.softplus(-ops.abs(logits))
    return ops.where(target > 0, target, BACKGROUND * ops.sigmoid(logits) ** FOCUS) * entropy


def distance_iou_loss(boxes: Any, faces: Any) -> Any:
    """1 - IoU + the squared distance of the centres in diagonals of the box around both: (batch, cells)."""
    sides = ops.maximum(
        ops.minimum(boxes[..., 2:], faces[..., 2:]) - ops.maximum(boxes[..., :2], faces[..., :2]), 0.0
    )
    shared = sides[..., 0] * sides[..., 1]
    overlap = shared / ops.maximum(area(boxes) + area(faces) - shared, 1e-6)
    around = ops.maximum(boxes[..., 2:], faces[..., 2:]) - ops.minimum(boxes[..., :2], faces[..., :2])
    apart = (boxes[..., :2] + boxes[..., 2:] - faces[..., :2] - faces[..., 2:]) / 2
    return 1 - overlap + ops.sum(apart**2, axis=-1) / ops.maximum(ops.sum(around**2, axis=-1), 1e-6)
