"""Pictures with known faces: the benchmark's own scene, or FER-2013's test faces on a wall."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge.bench.scenes import HEADLINE, make_scene
from edge.config import SourceConfig
from edge.messages import Box
from edge.model.labels import FER2013, FERPLUS, canonical
from edge.model.votes import UNLABELLED, majority
from edge.sources import demo

SEED = 9
SIDE_PX = 200
IOU = 0.4
"""Programs draw boxes by conventions of their own."""


class Material(NamedTuple):
    """pictures: uint8 (n, height, width). boxes: one face each. truths: its label by each rule, "" for none."""

    pictures: np.ndarray
    boxes: list[Box]
    truths: dict[str, list[str]]


def bundled() -> Material:
    """The benchmark's headline scene: one smiling face at 640x480."""
    scene = make_scene(HEADLINE)
    return Material(
        np.stack(scene.pictures),
        [boxes[0] for boxes in scene.boxes],
        {"portrait": [demo.EMOTION] * len(scene.boxes)},
    )


def from_faces(data: Path, split: str, count: int, scenes: Path | None = None) -> Material:
    """Faces of a split of an npz file (pixels, emotion, usage, votes), 200 px wide, each somewhere in a room.

    scenes: a folder of photos without people (boxes.csv, img/), which are the rooms; else one bare wall is.
    """
    from training.detector.scenes import fit_scene, place_face

    with np.load(data, allow_pickle=False) as arrays:
        rows = np.flatnonzero(arrays["usage"].astype(str) == split)
        if len(rows) < count:
            raise SystemExit(f"{data}: split {split} has {len(rows)} faces, fewer than {count}")
        rng = np.random.default_rng(SEED)
        rows = np.sort(rng.choice(rows, count, replace=False))
        pixels, emotions = arrays["pixels"][rows], arrays["emotion"][rows]
        votes = arrays["votes"][rows] if "votes" in arrays.files else None
    wall = demo.Scene(SourceConfig()).render(0)
    height, width = wall.shape
    rooms = [wall] if scenes is None else [fit_scene(luma, (width, height)) for luma in empty(scenes)]
    pictures, boxes = [], []
    for number, face in enumerate(pixels):
        wall = rooms[number % len(rooms)]
        corner = int(rng.integers(20, width - SIDE_PX - 20)), int(rng.integers(20, height - SIDE_PX - 20))
        picture, box = place_face(wall, face, SIDE_PX, corner)
        noisy = picture + rng.normal(0, 2, picture.shape)
        pictures.append(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
        boxes.append(box)
    truths = {"FER-2013": [FER2013[emotion] for emotion in emotions]}
    if votes is not None:
        truths["FER+"] = ["" if won == UNLABELLED else FERPLUS[won] for won in majority(votes)]
    return Material(np.stack(pictures), boxes, truths)


def empty(folder: Path) -> list[np.ndarray]:
    """The photos of a set in which nobody is."""
    from training.detector.photos import read_photos

    photos = [photo.read_luma() for photo in read_photos(folder) if not len(photo.boxes)]
    if not photos:
        raise SystemExit(f"{folder}: holds no photo without people")
    return photos


def write(material: Material, folder: Path) -> Path:
    """Each picture as a file of its own, so that no program holds more than one."""
    for number, picture in enumerate(material.pictures):
        np.save(folder / f"{number}.npy", picture)
    return folder


def judged(material: Material, number: int, faces: list[dict]) -> tuple[bool, int, str]:
    """(found, false boxes, what was said of the found face in Mien's words)."""
    truth = material.boxes[number]
    best = max(faces, key=lambda face: truth.iou(Box(*face["box"])), default=None)
    found = best is not None and truth.iou(Box(*best["box"])) >= IOU
    said = canonical(best["said"]) or best["said"] if found and best is not None else ""
    return found, len(faces) - found, said
