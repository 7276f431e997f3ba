"""Labelled pictures to judge answers by: a folder with one folder a class, or FER-2013 as an npz file."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edge.errors import SourceError
from edge.model.labels import FER2013, FERPLUS, canonical
from edge.model.votes import TIE_RULE, UNLABELLED, majority
from edge.sources.images import SUFFIXES, read_luma

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OWN_RULE = "the data's own labels"


class Picture(Struct, frozen=True, eq=False):
    """truth: the label it shows. read: gives luma uint8, shape (height, width)."""

    truth: str
    read: Callable[[], NDArray[np.uint8]]


class Pictures(Struct, frozen=True, eq=False):
    """cropped: each picture is one face already. rule: how a picture got its label."""

    pictures: list[Picture]
    rule: str
    cropped: bool


def read_pictures(data: Path, split: str, labels: tuple[str, ...]) -> Pictures:
    """Those whose label the model knows. split: "" for all of a folder. Raises SourceError if there is none."""
    if not data.exists():
        raise SourceError(f"{data}: no such file or folder")
    if data.suffix == ".npz":
        found = _read_npz(data, split, labels)
    elif data.is_dir():
        found = _read_folder(data, split)
    else:
        raise SourceError(f"{data}: neither a folder with one folder a class nor an npz file")
    known = [picture for picture in found.pictures if picture.truth in labels]
    if not known:
        raise SourceError(f"{data}: not one picture whose label the model knows ({', '.join(labels)})")
    return Pictures(known, found.rule, found.cropped)


def _read_folder(folder: Path, split: str) -> Pictures:
    pictures = []
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES):
        truth = canonical(path.parent.name)
        within = [part.lower() for part in path.relative_to(folder).parts]
        if truth is not None and (not split or split.lower() in within):
            pictures.append(Picture(truth, lambda path=path: read_luma(path)))  # type: ignore[misc]
    return Pictures(pictures, OWN_RULE, cropped=False)


def _read_npz(path: Path, split: str, labels: tuple[str, ...]) -> Pictures:
    """Arrays pixels (n, 48, 48), emotion, usage, and votes (n, 10) where people voted."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            found = {key: arrays[key] for key in ("pixels", "emotion", "usage", "votes") if key in arrays.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise SourceError(f"{path}: no npz file that can be read: {error}") from error
    for key in ("pixels", "emotion", "usage"):
        if key not in found or len(found[key]) != len(found["pixels"]):
            raise SourceError(f"{path}: array {key!r} is missing or has another length than the others")
    if found["pixels"].ndim != 3 or found["pixels"].dtype != np.uint8:
        raise SourceError(
            f"{path}: pixels: {found['pixels'].dtype}{found['pixels'].shape}: must be uint8 (n, h, w)"
        )
    usage = found["usage"].astype(str)
    rows = np.flatnonzero(usage == split)
    if len(rows) == 0:
        raise SourceError(f"{path}: --split {split!r}: must be one of {', '.join(sorted(set(usage.tolist())))}")
    voted = len(labels) == len(FERPLUS) and "votes" in found
    words = FERPLUS if voted else FER2013
    emotions = majority(found["votes"][rows]) if voted else found["emotion"][rows].astype(np.int64)
    if not voted and not ((emotions >= 0) & (emotions < len(words))).all():
        raise SourceError(f"{path}: emotion: must be 0 to {len(words) - 1}")
    pixels = found["pixels"]
    pictures = [
        Picture(words[emotion], lambda row=row: pixels[row])  # type: ignore[misc]
        for row, emotion in zip(rows.tolist(), emotions.tolist(), strict=True)
        if emotion != UNLABELLED
    ]
    return Pictures(pictures, TIE_RULE if voted else OWN_RULE, cropped=True)
