"""How well a detector finds known faces: average precision and the recall at a fixed rate of false boxes.

The protocol: photos are brought to one width; a find is right if it overlaps a face that no better find has taken
by an IoU of 0.5; faces under a size and those marked invalid are neither right nor wrong; finds under that size
that match nothing are not counted. Precision is made monotonous before it is summed over recall.
"""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from msgspec import Struct

from edge.config import DetectConfig
from training.detector.boxes import iou_matrix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from edge.detect import Detector
    from training.detector.photos import Photo

MIN_IOU = 0.5
FALSE_PER_IMAGE = 0.1
SIZES_PX = (16, 32, 64, 128)


class Match(Struct, frozen=True, eq=False):
    """One photo's finds against its faces.

    scores, right: a find that counts each, shape (n,). sizes: the longer side of each face that counts, in
    pixels, shape (m,). taken_at: the score of the find that took it, -inf where none did, shape (m,).
    """

    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    sizes: NDArray[np.float64]
    taken_at: NDArray[np.float64]


class Evaluation(Struct, frozen=True, kw_only=True):
    """What `mien-train evaluate-detector` prints; rates are 0..1.

    recall_by_size: recall, at the same false boxes an image, of faces by their longer side ("16-32" is 16
    and more, below 32); a size with no face is left out. recall_at_default, false_per_image_at_default: of the
    finds that reach the default of detect.min_score.
    """

    images: int
    faces: int
    ap: float
    recall_at_0p1_fp_per_image: float
    recall_by_size: dict[str, float]
    faces_by_size: dict[str, int]
    recall_at_default: float
    false_per_image_at_default: float
    p50_ms: float


def evaluate(
    detector: Detector,
    photos: Iterable[Photo],
    *,
    width_px: int = 320,
    min_face_px: float = 16,
    clock: Callable[[], float] = time.perf_counter,
) -> Evaluation:
    """The detector's score on photos brought to one width. Raises SourceError where a photo cannot be read."""
    matches, times_s = [], []
    for photo in photos:
        luma, factor = read_at_width(photo, width_px)
        start_s = clock()
        faces = detector.detect(luma)
        times_s.append(clock() - start_s)
        found = np.array([[f.box.x_min, f.box.y_min, f.box.x_max, f.box.y_max] for f in faces]).reshape(-1, 4)
        scores = np.array([f.score for f in faces], np.float64)
        matches.append(match(found, scores, photo.boxes * factor, photo.ignored, min_face_px=min_face_px))
    return summarize(matches, times_s)


def read_at_width(photo: Photo, width_px: int) -> tuple[NDArray[np.uint8], float]:
    """(luma, its scale): the photo brought to a width, its own aspect ratio kept. Raises SourceError."""
    luma = photo.read_luma()
    factor = width_px / luma.shape[1]
    size = width_px, max(1, round(luma.shape[0] * factor))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(luma, size, interpolation=method), np.uint8), factor


def match(
    found: NDArray[Any],
    scores: NDArray[Any],
    faces: NDArray[Any],
    ignored: NDArray[np.bool_],
    *,
    min_face_px: float,
) -> Match:
    """Each find, best first, takes the face that it overlaps most of those left.

    found, faces: shape (n, 4) and (m, 4): x_min, y_min, x_max, y_max in pixels.
    """
    # Rounded, as a side of just the smallest size has gone through a subtraction.
    sides = np.round((faces[:, 2:] - faces[:, :2]).max(axis=1, initial=0), 6)
    ignored = ignored | (sides < min_face_px)
    overlap = iou_matrix(found, faces)
    taken_at = np.full(len(faces), -np.inf)
    counted: list[tuple[float, bool]] = []
    for one in np.argsort(-scores, kind="stable"):
        free = np.where(np.isinf(taken_at), overlap[one], -1.0)
        best = int(free.argmax()) if len(faces) else -1
        if best >= 0 and free[best] >= MIN_IOU:
            taken_at[best] = scores[one]
            if not ignored[best]:
                counted.append((float(scores[one]), True))
        elif (found[one, 2:] - found[one, :2]).max() >= min_face_px:
            counted.append((float(scores[one]), False))
    table = np.array(counted, np.float64).reshape(-1, 2)
    return Match(table[:, 0], table[:, 1] > 0, sides[~ignored], taken_at[~ignored])


def summarize(matches: list[Match], times_s: list[float]) -> Evaluation:
    """One score for all photos; where scores tie, what is right counts first."""
    scores = np.concatenate([m.scores for m in matches]) if matches else np.zeros(0)
    right = np.concatenate([m.right for m in matches]) if matches else np.zeros(0, bool)
    sizes = np.concatenate([m.sizes for m in matches]) if matches else np.zeros(0)
    taken_at = np.concatenate([m.taken_at for m in matches]) if matches else np.zeros(0)
    order = np.lexsort((~right, -scores))
    hits, misses = np.cumsum(right[order]), np.cumsum(~right[order])
    last = int(np.searchsorted(misses, FALSE_PER_IMAGE * len(matches), side="right")) - 1
    threshold = float(scores[order][last]) if last >= 0 else np.inf
    by_size, faces_by_size = recall_by_size(sizes, taken_at >= threshold)
    default = DetectConfig().min_score
    return Evaluation(
        images=len(matches),
        faces=len(sizes),
        ap=round(average_precision(hits, misses, len(sizes)), 4),
        recall_at_0p1_fp_per_image=round(float(hits[last]) / max(len(sizes), 1) if last >= 0 else 0.0, 4),
        recall_by_size=by_size,
        faces_by_size=faces_by_size,
        recall_at_default=round(float((taken_at >= default).mean()) if len(sizes) else 0.0, 4),
        false_per_image_at_default=round(float((~right[scores >= default]).sum()) / max(len(matches), 1), 4),
        p50_ms=round(float(np.median(times_s)) * 1e3, 3) if times_s else 0.0,
    )


def average_precision(hits: NDArray[Any], misses: NDArray[Any], faces: int) -> float:
    """The area under precision over recall, 0..1, from running counts of right and wrong finds, best first."""
    if len(hits) == 0:
        return 0.0
    recall = hits / max(faces, 1)
    precision = np.maximum.accumulate((hits / np.maximum(hits + misses, 1))[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def recall_by_size(sizes: NDArray[np.float64], taken: NDArray[np.bool_]) -> tuple[dict[str, float], dict[str, int]]:
    """(recall, faces) of each size of face that occurs; the smallest and the largest are open."""
    recall: dict[str, float] = {}
    faces: dict[str, int] = {}
    bounds = (0, *SIZES_PX, np.inf)
    for low, high in itertools.pairwise(bounds):
        inside = (sizes >= low) & (sizes < high)
        if inside.any():
            name = f"{low}+" if np.isinf(high) else f"{low}-{high}"
            recall[name] = round(float(taken[inside].mean()), 4)
            faces[name] = int(inside.sum())
    return recall, faces
