"""Reading faces from the files in which the world passes them on."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge.errors import SourceError
from edge.model.labels import FER2013
from training.dataset import FACE_PX, VOTE_COLUMNS, Faces
from training.tables import read_csv, read_votes
from training.trees import detected_face, read_tree

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_faces(path: Path, votes: Path | None = None, *, crop: bool = False) -> Faces:
    """Faces from an npz file, a FER-2013 csv (with FER+ votes, if given) or a folder of pictures.

    crop: let Mien's face detector find the face in each picture of a folder.
    Raises SourceError, with the row or file, if nothing usable is there.
    """
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder")
    if path.is_dir():
        faces = read_tree(path, detected_face() if crop else None)
    elif path.suffix == ".npz":
        faces = read_npz(path)
    elif path.suffix == ".csv":
        faces = read_csv(path)
    else:
        raise SourceError(f"{path}: neither .npz, .csv nor a folder of pictures")
    if votes is not None:
        faces = read_votes(votes, faces)
    return faces


def read_npz(path: Path) -> Faces:
    """FER-2013 as arrays: pixels, emotion, usage and, where they are known, votes and name. Raises SourceError."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            found = {key: arrays[key] for key in arrays.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise SourceError(f"{path}: no npz file that can be read: {error}") from error
    for key in ("pixels", "emotion", "usage"):
        if key not in found:
            raise SourceError(f"{path}: array {key!r} is missing (there are {', '.join(sorted(found)) or 'none'})")
    count = len(found["pixels"])
    if count == 0:
        raise SourceError(f"{path}: holds no face")
    names = found.get("name", np.array([f"row {row}" for row in range(count)]))
    _check_arrays(path, found, count)
    return Faces(
        pixels=found["pixels"],
        emotions=found["emotion"].astype(np.int8),
        labels=FER2013,
        splits=found["usage"].astype(str),
        names=names.astype(str),
        votes=found.get("votes"),
    )


def _check_arrays(path: Path, found: dict[str, NDArray[np.generic]], count: int) -> None:
    pixels, emotion = found["pixels"], found["emotion"]
    if pixels.shape[1:] != (FACE_PX, FACE_PX) or pixels.dtype != np.uint8:
        raise SourceError(f"{path}: pixels: {pixels.dtype}{pixels.shape}: must be uint8 (n, {FACE_PX}, {FACE_PX})")
    for key in ("emotion", "usage", "votes", "name"):
        if key in found and len(found[key]) != count:
            raise SourceError(f"{path}: {key}: {len(found[key])} rows for {count} pictures")
    if not np.issubdtype(emotion.dtype, np.integer):
        raise SourceError(f"{path}: emotion: {emotion.dtype}: must be whole numbers")
    wrong = np.flatnonzero((emotion < 0) | (emotion >= len(FER2013)))  # type: ignore[operator]
    if len(wrong):
        raise SourceError(f"{path}: row {wrong[0]}: emotion {emotion[wrong[0]]}: must be 0 to {len(FER2013) - 1}")
    if "votes" in found and found["votes"].shape[1:] != (len(VOTE_COLUMNS),):
        raise SourceError(f"{path}: votes: shape {found['votes'].shape}: must be (n, {len(VOTE_COLUMNS)})")
