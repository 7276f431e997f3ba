"""A teacher's labels on disk: one npz for each set of photos and one for FER's faces, each whole or not there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.errors import SourceError
from training.detector.photos import BOXES, read_photos
from training.detector.teacher import Labels, label_crop, label_photo
from training.splits import split

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from edge.detect import Detector
    from training.dataset import Faces

FER = "fer2013"


def label_sets(
    teacher: Detector, photos: Path, out: Path, widths_px: Sequence[int], *, tell: Callable[[str], None]
) -> None:
    """Label every set in the folder `photos` that has no file in `out` yet. Raises SourceError.

    A set without a single box is one of scenes, looked through by people: there is nothing to label.
    """
    sets = sorted(path.parent for path in photos.glob(f"*/{BOXES}"))
    if not sets:
        raise SourceError(f"{photos}: holds no folder with a {BOXES}")
    for folder in sets:
        target = out / f"{folder.name}.npz"
        if target.exists():
            continue
        faces = read_photos(folder)
        if not any(len(photo.boxes) for photo in faces):
            continue
        names, counts, boxes, scores = [], [], [np.zeros((0, 4), np.float32)], [np.zeros(0, np.float32)]
        for photo in faces:
            labels = label_photo(teacher, photo.read_luma(), widths_px)
            names.append(photo.path.name)
            counts.append(len(labels.scores))
            boxes.append(labels.boxes)
            scores.append(labels.scores)
        save(target, names=names, counts=counts, boxes=np.concatenate(boxes), scores=np.concatenate(scores))
        tell(f"{folder.name}: {len(names)} photos, {sum(counts)} finds")


def label_fer(teacher: Detector, faces: Faces, out: Path, *, tell: Callable[[str], None]) -> None:
    """Label FER's training faces: `rows` of the data, their `boxes` in sides of the crop, and `scores`."""
    target = out / f"{FER}.npz"
    if target.exists():
        return
    part = split(faces).training
    labels = [label_crop(teacher, face) for face in part.pixels]
    scores = np.array([score for _, score in labels], np.float32)
    save(target, rows=part.rows, boxes=np.stack([box for box, _ in labels]), scores=scores)
    tell(f"{FER}: {len(labels)} faces, {int((scores > 0).sum())} found")


def save(target: Path, **arrays: Any) -> None:
    """Write an npz that is either whole or not there."""
    part = target.with_suffix(".part")
    with part.open("wb") as file:
        np.savez_compressed(file, **{name: np.asarray(array) for name, array in arrays.items()})
    os.replace(part, target)  # noqa: PTH105  (atomic, and said so)


def read_labels(path: Path) -> dict[str, Labels]:
    """The labels of a set by the photo's name. Raises SourceError."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            starts = np.concatenate([[0], np.cumsum(arrays["counts"])])
            return {
                str(name): Labels(arrays["boxes"][start:end], arrays["scores"][start:end])
                for name, start, end in zip(arrays["names"], starts[:-1], starts[1:], strict=True)
            }
    except (OSError, ValueError, KeyError) as error:
        raise SourceError(f"{path}: no labels that can be read (mien-train label-faces): {error}") from error
