"""Which photos choose between detectors: a committed list, made by a rule that keeps their people out of training.

A fifth of mask853's groups of near-duplicates; of ytf_keypoints every photo of a fifth of its people; a fifth of
the scenes of each set without faces. Which fifth: by the hash of a name, so that a new photo moves no other.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from training.detector.photos import BOXES, read_photos

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIST = Path(__file__).with_name("validation.txt")
PEOPLED = Path(__file__).with_name("peopled.txt")
PEOPLE_SETS = ("ytf_keypoints",)
CROWD_SETS = ("mask853",)
SHARE = 0.2
HASH_SIDE = 12
NEAR_DUPLICATE_BITS = 16
"""Of 144 bits of a difference hash: resized and recompressed copies differ in fewer, other photos in more."""


@cache
def read_list() -> frozenset[str]:
    """The names SET/PHOTO of the validation photos, as the rule makes them."""
    return frozenset(line for line in LIST.read_text(encoding="utf-8").splitlines() if line)


@cache
def read_peopled() -> frozenset[str]:
    """The names SET/PHOTO of scenes that do show somebody, though their set is one of scenes without people."""
    lines = PEOPLED.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def validation_names() -> frozenset[str]:
    """The names SET/PHOTO of the photos to validate on: the list, less the scenes that show somebody."""
    return read_list() - read_peopled()


def is_validation(name: str, names: frozenset[str]) -> bool:
    """name: SET/PHOTO."""
    return name in names


def make_list(folder: Path) -> list[str]:
    """The list, by the rule, from the folder of sets. Raises SourceError."""
    chosen = []
    for table in sorted(folder.glob(f"*/{BOXES}")):
        name = table.parent.name
        photos = read_photos(table.parent)
        names = [photo.path.name for photo in photos]
        if name in PEOPLE_SETS:
            groups = [person(photo) for photo in names]
        elif name in CROWD_SETS:
            groups = near_duplicates(names, np.stack([difference_hash(photo.read_luma()) for photo in photos]))
        elif not any(len(photo.boxes) for photo in photos):
            groups = names
        else:
            continue
        chosen += [
            f"{name}/{photo}" for photo, group in zip(names, groups, strict=True) if in_share(f"{name}/{group}")
        ]
    return chosen


def person(photo: str) -> str:
    """Whom a photo of YouTube Faces shows: 'A_B' of 'test_A_B_12.jpg'."""
    return photo.split("_", 1)[1].rsplit("_", 1)[0]


def in_share(name: str) -> bool:
    """True for SHARE of all names, always the same."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    return number < SHARE * 2**32


def difference_hash(luma: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Bool (HASH_SIDE²,): is a pixel of the tiny picture brighter than its left neighbour?"""
    tiny = cv2.resize(luma, (HASH_SIDE + 1, HASH_SIDE), interpolation=cv2.INTER_AREA).astype(np.int16)
    return np.asarray(np.diff(tiny, axis=1) > 0).ravel()


def near_duplicates(names: list[str], hashes: NDArray[np.bool_]) -> list[str]:
    """For each photo the first name of its group; near-duplicates, mirrored or not, are joined in chains."""
    side = hashes.reshape(len(names), HASH_SIDE, HASH_SIDE)
    mirrored = ~side[:, :, ::-1].reshape(hashes.shape)
    group = np.arange(len(names))
    for one in range(len(names)):
        near = (hashes != hashes[one]).sum(axis=1) <= NEAR_DUPLICATE_BITS
        near |= (mirrored != hashes[one]).sum(axis=1) <= NEAR_DUPLICATE_BITS
        joined = np.unique(group[near | (np.arange(len(names)) == one)])
        group[np.isin(group, joined)] = joined.min()
    return [names[first] for first in group]
