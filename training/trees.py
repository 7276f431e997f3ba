"""Faces from folders of pictures, one folder a class: CK+48, the Kaggle FER folders, JAFFE, and one's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import SourceError
from edge.messages import Box
from edge.model.labels import FERPLUS, canonical
from edge.model.preprocess import CropContract, crop_face
from training.dataset import FACE_PX, Faces
from training.tables import Skipped

PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".pgm", ".webp"}
SPLIT_FOLDERS = ("train", "training", "test", "testing", "val", "valid", "validation", "publictest", "privatetest")
TEST_SHARE = 0.2
SPLIT_SEED = 80
JAFFE_NAME = re.compile(r"^[A-Z]{2}\.([A-Z]{2})\d+\.\d+$")
"""KA.AN1.39: the person, what she shows, the take, the number."""

Crop = Callable[[NDArray[np.uint8]], NDArray[np.uint8] | None]


def read_tree(folder: Path, crop: Crop | None = None) -> Faces:
    """Faces from FOLDER/[split/]class/picture, grey or colour, of any size.

    Without split folders a fifth of each class, chosen by a fixed seed, becomes "test" and the rest "train".
    crop: from luma to the face's 48x48, None where there is none; without it the whole picture is the face.
    Raises SourceError if not one picture is usable.
    """
    pixels, emotions, splits, names = [], [], [], []
    skipped = Skipped()
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURES):
        name = path.relative_to(folder)
        label = label_of(name)
        if label is None:
            skipped.add(f"label {name.parent.name or name.stem!r} is no emotion of Mien's", str(name))
            continue
        luma = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if luma is None:
            skipped.add("not a picture that can be read", str(name))
            continue
        face = (crop or whole_picture)(np.asarray(luma, np.uint8))
        if face is None:
            skipped.add("no face found", str(name))
            continue
        pixels.append(face)
        emotions.append(FERPLUS.index(label))
        splits.append(split_of(name))
        names.append(str(name))
    if not pixels:
        raise SourceError(f"{folder}: not one usable picture in folders named after emotions{skipped.first()}")
    labels = np.array(emotions, np.int8)
    marked = np.array(splits)
    if not np.char.str_len(marked).any():
        marked = stratified(labels)
    return Faces(np.stack(pixels), labels, FERPLUS, marked, np.array(names), None, skipped.counts())


def label_of(name: Path) -> str | None:
    """Mien's word for what a picture shows, from its folder or from a name as JAFFE's; None if neither says so."""
    if label := canonical(name.parent.name):
        return label
    jaffe = JAFFE_NAME.match(name.stem)
    return canonical(jaffe[1]) if jaffe else None


def split_of(name: Path) -> str:
    """The split folder above a picture, as it is spelled; "" where there is none."""
    return next((part for part in name.parts[:-1] if part.lower() in SPLIT_FOLDERS), "")


def stratified(emotions: NDArray[np.int8]) -> NDArray[np.str_]:
    """A split for every row: test for a fifth of each class, train for the rest; a class of one trains."""
    splits = np.full(len(emotions), "train")
    rng = np.random.default_rng(SPLIT_SEED)
    for emotion in np.unique(emotions):
        rows = rng.permutation(np.flatnonzero(emotions == emotion))
        splits[rows[: round(len(rows) * TEST_SHARE)]] = "test"
    return splits


def whole_picture(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture as the device would crop a box around all of it: uint8, shape (48, 48)."""
    height, width = luma.shape
    return crop_face(luma, Box(0, 0, width, height), CropContract(size_px=FACE_PX))[..., 0]


def detected_face() -> Crop:
    """A crop by Mien's own face detector: the best face of a picture. Raises ModelError if it cannot be loaded."""
    from edge.config import DetectConfig
    from edge.detect import load_detector

    detector = load_detector(DetectConfig())

    def crop(luma: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        faces = detector.detect(luma)
        return crop_face(luma, faces[0].box, CropContract(size_px=FACE_PX))[..., 0] if faces else None

    return crop
