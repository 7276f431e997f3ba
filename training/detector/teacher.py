"""What a teacher says of a photo: seeing it enlarged and mirrored, it knows more than it would at a glance.

The fused scores are soft targets: the share of certainty that is left when each view had its say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from msgspec import Struct

from training.detector.boxes import iou_matrix
from training.detector.scenes import place_face, plain_scene

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge.detect import Detector

SAME_FACE_IOU = 0.5
LOWEST_SCORE = 0.1
FER_SIDE_PX = 192
FER_WALL_PX = 320
MOST_ENLARGED = 3.2
"""Wider views show a small photo's faces larger than the teacher's largest, at a price that grows by the square."""


class Labels(Struct, frozen=True, eq=False):
    """Boxes float32 (n, 4): x_min, y_min, x_max, y_max in the photo's pixels; scores float32 (n,), 0..1."""

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]


def label_photo(teacher: Detector, luma: NDArray[np.uint8], widths_px: Sequence[int]) -> Labels:
    """The faces of a photo, from views of several widths, each as it is and mirrored.

    Of the two views of one width the mean score counts, a face that one does not show counting 0 there; of the
    widths the best. Boxes are the views' mean, weighted by their scores.
    """
    found = []
    useful = [width for width in widths_px if width <= MOST_ENLARGED * luma.shape[1]] or [min(widths_px)]
    for number, width in enumerate(useful):
        factor = width / luma.shape[1]
        size = width, max(1, round(luma.shape[0] * factor))
        method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        view = np.asarray(cv2.resize(luma, size, interpolation=method), np.uint8)
        for mirrored in (False, True):
            boxes, scores = find(teacher, np.ascontiguousarray(view[:, ::-1]) if mirrored else view)
            if mirrored:
                boxes[:, [0, 2]] = width - boxes[:, [2, 0]]
            scale = np.array([luma.shape[1] / width, luma.shape[0] / size[1]] * 2)
            found.append((boxes * scale, scores, np.full(len(scores), number)))
    boxes, scores, views = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return fuse(boxes, scores, views)


def find(detector: Detector, luma: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(boxes (n, 4), scores (n,)) of a detector."""
    faces = detector.detect(luma)
    boxes = np.array([(f.box.x_min, f.box.y_min, f.box.x_max, f.box.y_max) for f in faces], np.float64)
    return boxes.reshape(-1, 4), np.array([face.score for face in faces], np.float64)


def fuse(boxes: NDArray[np.float64], scores: NDArray[np.float64], views: NDArray[np.int64]) -> Labels:
    """One box for each face; views: the number of the width that each find comes from, two views each."""
    order = np.argsort(-scores, kind="stable")
    boxes, scores, views = boxes[order], scores[order], views[order]
    same = iou_matrix(boxes, boxes) >= SAME_FACE_IOU
    free = np.ones(len(boxes), bool)
    fused_boxes, fused_scores = [], []
    for best in range(len(boxes)):
        if not free[best]:
            continue
        members = same[best] & free
        free &= ~members
        sums = np.bincount(views[members], weights=scores[members])
        score = min(1.0, float(sums.max()) / 2)
        if score >= LOWEST_SCORE:
            fused_boxes.append(np.average(boxes[members], axis=0, weights=scores[members] ** 2))
            fused_scores.append(score)
    return Labels(np.array(fused_boxes, np.float32).reshape(-1, 4), np.array(fused_scores, np.float32))


def label_crop(teacher: Detector, face: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """(box, score) of the face in a FER crop: float32 (4,) in sides of the crop, from its upper left corner.

    Score 0 where the teacher finds none. face: uint8, shape (48, 48).
    """
    corner = (FER_WALL_PX - FER_SIDE_PX) // 2
    wall = plain_scene((FER_WALL_PX, FER_WALL_PX), int(face.mean()))
    picture, square = place_face(wall, face, FER_SIDE_PX, (corner, corner))
    labels = label_photo(teacher, picture, [FER_WALL_PX])
    target = np.array([[square.x_min, square.y_min, square.x_max, square.y_max]])
    if len(labels.scores) == 0:
        return np.zeros(4, np.float32), 0.0
    best = int(iou_matrix(target, labels.boxes)[0].argmax())
    return (labels.boxes[best] - corner) / FER_SIDE_PX, float(labels.scores[best])
