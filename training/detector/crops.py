"""What crop of a detector's box is the crop that the classifier was trained on, and what the detour costs.

Both are measured on FER-2013 faces placed into scenes, where the right crop is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from edge.model.preprocess import CropContract
from training.detector.scenes import fit_scene, place_face, plain_scene

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from edge.classify import Classifier
    from edge.detect import Detector
    from edge.messages import Box

SCENE_SIZE = (640, 480)
"""What the pipeline asks of a camera."""

MIN_IOU = 0.3
"""Between a find and the placed crop: enough to say that this face is meant, loose enough to show a bad box."""

MEASURED_SIDES_PX = (144, 240)  # three to five times FER's 48


class MeasuredCrop(Struct, frozen=True, kw_only=True):
    """The contract that the medians give, and how far single faces are from it (quartiles)."""

    contract: CropContract
    placed: int
    found: int
    scale_quartiles: tuple[float, float]
    offset_x_quartiles: tuple[float, float]
    offset_y_quartiles: tuple[float, float]


class Detour(Struct, frozen=True, kw_only=True):
    """Faces of one size, classified directly and through scene, detector and crop.

    direct, detour: the share classified rightly; a face that is not found is wrong. agree: the share of the
    found ones on which both ways say the same emotion.
    """

    side_px: int
    faces: int
    found: float
    direct: float
    detour: float
    agree: float


def measure_crop(detector: Detector, faces: NDArray[np.uint8], seed: int = 5) -> MeasuredCrop:
    """The contract under which the detector's boxes give back the crops that were placed.

    detector: searches SCENE_SIZE at full width. faces: uint8, shape (n, 48, 48). Raises ValueError if none is
    found.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for face in faces:
        side = int(rng.integers(MEASURED_SIDES_PX[0], MEASURED_SIDES_PX[1] + 1))
        picture, square = place_face(
            plain_scene(SCENE_SIZE, int(face.mean())), face, side, _corner(rng, SCENE_SIZE, side)
        )
        box = find(detector, picture, square)
        if box is not None:
            (x, y), (middle_x, middle_y) = box.centre, square.centre
            scale = side / max(box.width, box.height)
            rows.append((scale, (middle_x - x) / box.width, (middle_y - y) / box.height))
    if not rows:
        raise ValueError("the detector finds none of these faces")
    low, median, high = np.percentile(np.array(rows), [25, 50, 75], axis=0)
    quartiles = [(round(float(a), 3), round(float(b), 3)) for a, b in zip(low, high, strict=True)]
    contract = CropContract(
        scale=round(float(median[0]), 3), offset_x=round(float(median[1]), 3), offset_y=round(float(median[2]), 3)
    )
    return MeasuredCrop(
        contract=contract,
        placed=len(faces),
        found=len(rows),
        scale_quartiles=quartiles[0],
        offset_x_quartiles=quartiles[1],
        offset_y_quartiles=quartiles[2],
    )


def prove_crop(
    classifier: Classifier,
    detector: Detector,
    faces: NDArray[np.uint8],
    truths: Sequence[str],
    scenes: Sequence[NDArray[np.uint8]],
    *,
    sides_px: Sequence[int] = (40, 80, 160, 240),
    scene_size: tuple[int, int] = SCENE_SIZE,
    seed: int = 5,
) -> Iterator[Detour]:
    """For each size, the same faces classified directly and through a scene of scene_size (width, height).

    faces: uint8, shape (n, 48, 48). truths: a label each. scenes: luma photos without faces, used in turn.
    """
    labels = np.array(classifier.labels)
    direct = np.array([labels[classifier.classify_crop(face[:, :, None]).argmax()] for face in faces])
    truth = np.asarray(truths)
    for side in sides_px:
        rng = np.random.default_rng((seed, side))
        said = []
        for number, face in enumerate(faces):
            scene = fit_scene(scenes[number % len(scenes)], scene_size)
            picture, square = place_face(scene, face, side, _corner(rng, scene_size, side))
            box = find(detector, picture, square)
            said.append("" if box is None else str(labels[classifier.classify(picture, box).argmax()]))
        detour = np.array(said)
        found = detour != ""
        yield Detour(
            side_px=side,
            faces=len(faces),
            found=round(float(found.mean()), 4),
            direct=round(float((direct == truth).mean()), 4),
            detour=round(float((detour == truth).mean()), 4),
            agree=round(float((detour == direct)[found].mean()), 4) if found.any() else 0.0,
        )


def find(detector: Detector, picture: NDArray[np.uint8], square: Box) -> Box | None:
    """The box of the face that was placed at the square, if it was found."""
    boxes = [face.box for face in detector.detect(picture)]
    best = max(boxes, key=square.iou, default=None)
    return best if best is not None and best.iou(square) >= MIN_IOU else None


def _corner(rng: np.random.Generator, size: tuple[int, int], side: int) -> tuple[int, int]:
    width, height = size
    return int(rng.integers(0, width - side + 1)), int(rng.integers(0, height - side + 1))
