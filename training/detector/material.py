"""What training pictures are made of: labelled photos, scenes without people, and FER faces with their boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct, field

from edge.errors import SourceError
from training.detector.boxes import IGNORED, iou_matrix
from training.detector.labelling import FER, read_labels
from training.detector.photos import BOXES, Photo, read_photos
from training.detector.validation import is_validation, read_list, read_peopled, validation_names

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from training.dataset import Faces
    from training.detector.teacher import Labels

SURE = 0.35
"""From this score on a teacher's find is a face to learn."""

DOUBTFUL = 0.2
"""From this score on nothing is learnt there; weaker finds are background, the very one that looks like faces.
Where people marked the faces, all finds that are not sure are background."""

PEOPLE_MADE = {"mask853": 0.7, "driver_cc4": 0.7}
"""Sets whose boxes people drew, and the score of a face that they saw and the teacher did not."""

KNOWN_IOU = 0.4
FER_SURE = 0.5


class Picture(Struct, frozen=True, eq=False):
    """luma: uint8 (height, width). faces: float32 (n, 5): the box in pixels and its score, or IGNORED."""

    luma: NDArray[np.uint8]
    faces: NDArray[np.float32]


class Material(Struct, frozen=True, eq=False):
    """photos: with a face each. scenes: uint8, without people. crops: uint8 (n, 48, 48), each with its box in sides
    of the crop and its score: float32 (n, 5). hardness: how likely each scene is to be drawn where the hard ones
    are wanted, float64 (scenes,) of sum 1; empty while nobody knows. peopled: scenes left out, as they show people.
    """

    photos: list[Picture]
    scenes: list[NDArray[np.uint8]]
    crops: NDArray[np.uint8]
    crop_faces: NDArray[np.float32]
    hardness: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    peopled: int = 0


def read_material(folder: Path, labels: Path, faces: Faces) -> Material:
    """Everything but the validation photos and the scenes that show people. Raises SourceError."""
    validating, peopled = read_list(), read_peopled()
    photos, scenes, left_out = [], [], 0
    for table in sorted(folder.glob(f"*/{BOXES}")):
        name = table.parent.name
        entries = [
            photo
            for photo in read_photos(table.parent)
            if not is_validation(f"{name}/{photo.path.name}", validating)
        ]
        if not any(len(photo.boxes) for photo in entries):
            empty = [photo for photo in entries if f"{name}/{photo.path.name}" not in peopled]
            scenes += [photo.read_luma() for photo in empty]
            left_out += len(entries) - len(empty)
            continue
        found = read_labels(labels / f"{name}.npz")
        people = PEOPLE_MADE.get(name)
        box = mapping(entries, found) if people else None
        for photo in entries:
            known = found[photo.path.name]
            kept = known.scores >= (SURE if people else DOUBTFUL)
            taught = np.where(known.scores >= SURE, known.scores, IGNORED)
            rows = [np.concatenate([known.boxes, taught[:, None]], axis=1)[kept]]
            if people and box is not None:
                rows.append(_missed(photo, known.boxes[known.scores >= SURE], box, people))
            merged = np.concatenate(rows).astype(np.float32)
            if (merged[:, 4] > 0).any():
                photos.append(Picture(photo.read_luma(), merged))
    if not photos or not scenes:
        raise SourceError(f"{folder}: holds no photos with faces, or none without")
    try:
        with np.load(labels / f"{FER}.npz", allow_pickle=False) as arrays:
            rows, boxes, scores = arrays["rows"], arrays["boxes"], arrays["scores"]
    except (OSError, ValueError, KeyError) as error:
        raise SourceError(f"{labels / FER}.npz: no labels that can be read: {error}") from error
    good = scores >= FER_SURE
    crop_faces = np.concatenate([boxes, scores[:, None]], axis=1)[good].astype(np.float32)
    return Material(photos, scenes, faces.pixels[rows[good]], crop_faces, peopled=left_out)


def mapping(photos: list[Photo], found: dict[str, Labels]) -> NDArray[np.float64]:
    """How the teacher draws a set's faces: medians of (centre x, y, width, height) in the set's own boxes."""
    rows = []
    for photo in photos:
        known = found[photo.path.name]
        overlap = iou_matrix(photo.boxes, known.boxes)
        for own, row in enumerate(overlap):
            if len(row) and row.max() >= KNOWN_IOU:
                a, b = photo.boxes[own], known.boxes[int(row.argmax())]
                size = a[2:] - a[:2]
                rows.append(
                    np.concatenate([((b[:2] + b[2:]) / 2 - (a[:2] + a[2:]) / 2) / size, (b[2:] - b[:2]) / size])
                )
    return np.median(np.array(rows), axis=0) if rows else np.array([0.0, 0.0, 1.0, 1.0])


def _missed(
    photo: Photo, known: NDArray[np.float32], box: NDArray[np.float64], score: float
) -> NDArray[np.float64]:
    """The set's own boxes that the teacher is not sure of, drawn as it would draw them."""
    own = photo.boxes
    new = iou_matrix(own, known).max(axis=1, initial=0) < KNOWN_IOU
    size = (own[:, 2:] - own[:, :2])[new]
    middle = ((own[:, 2:] + own[:, :2]) / 2)[new] + box[:2] * size
    half = box[2:] * size / 2
    return np.concatenate([middle - half, middle + half, np.full((len(size), 1), score)], axis=1)


def read_validation_scenes(folder: Path) -> list[Photo]:
    """The validation photos of the sets without people, but for those that do show some. Raises SourceError."""
    names = validation_names()
    scenes = []
    for table in sorted(folder.glob(f"*/{BOXES}")):
        photos = read_photos(table.parent)
        if not any(len(photo.boxes) for photo in photos):
            name = table.parent.name
            scenes += [photo for photo in photos if is_validation(f"{name}/{photo.path.name}", names)]
    return scenes


def read_validation(folder: Path) -> dict[str, list[Photo]]:
    """The validation photos that show faces, by set. Raises SourceError."""
    names = read_list()
    found = {}
    for table in sorted(folder.glob(f"*/{BOXES}")):
        name = table.parent.name
        photos = [photo for photo in read_photos(table.parent) if is_validation(f"{name}/{photo.path.name}", names)]
        if any(len(photo.boxes) for photo in photos):
            found[name] = photos
    if not found:
        raise SourceError(f"{folder}: holds none of the validation photos")
    return found
