"""Distillation: what larger networks say of the training faces becomes part of what a small one learns.

Source: Hinton et al. 2015, arXiv:1503.02531; that it helps the more the smaller the student, arXiv:1711.07011.
The teachers' scores are computed once, of the pictures as they are and mirrored, and kept in a file.
"""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edge.errors import ConfigError, ModelError
from edge.model.labels import FER2013, FERPLUS
from training.dataset import Faces
from training.recipe import DistilConfig
from training.whole import write_arrays

HEAD_OF = {FER2013: "fer2013", FERPLUS: "ferplus"}


class SoftTargets(Struct, frozen=True, eq=False):
    """pictures: uint64, shape (n,), ascending: a digest of each picture, so that the order of a data set is free.
    scores: for each head float16, shape (n, labels); rows sum to 1.
    """

    pictures: NDArray[np.uint64]
    scores: dict[str, NDArray[np.float16]]

    def of(self, pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """The scores of faces, uint8 (n, side, side), by head. Raises ConfigError if one was not taught."""
        wanted = digests(pixels)
        at = np.searchsorted(self.pictures, wanted).clip(max=len(self.pictures) - 1)
        missing = int((self.pictures[at] != wanted).sum())
        if missing:
            raise ConfigError(
                f"--teacher: {missing} of {len(wanted)} training faces have no scores in it: run mien-train teach"
            )
        return {head: array[at].astype(np.float32) for head, array in self.scores.items()}


def digests(pixels: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """64 bits that tell one picture from another."""
    found = [hashlib.blake2b(face.tobytes(), digest_size=8).digest() for face in np.ascontiguousarray(pixels)]
    return np.frombuffer(b"".join(found), "<u8").astype(np.uint64)


def teach(models: list[str], faces: Faces) -> SoftTargets:
    """What models say of faces; models of the same labels are averaged.

    models: whatever training.predictor opens. Raises ModelError.
    """
    from training.predictor import open_panel

    panel = open_panel(models)
    keys, first = np.unique(digests(faces.pixels), return_index=True)
    pixels = faces.pixels[first]
    said: dict[str, list[NDArray[np.float32]]] = {}
    for (labels, straight), (_, mirrored) in zip(panel(pixels), panel(pixels[:, :, ::-1]), strict=True):
        said.setdefault(HEAD_OF[labels], []).append((straight + mirrored) / 2)
    return SoftTargets(keys, {head: np.mean(all_of, axis=0).astype(np.float16) for head, all_of in said.items()})


def softened(
    targets: dict[str, NDArray[np.float32]], said: dict[str, NDArray[np.float32]], how: DistilConfig
) -> dict[str, NDArray[np.float32]]:
    """Targets with the teachers' share in them, for each head that the teachers know."""
    mixed = dict(targets)
    for head in targets.keys() & said.keys():
        warm = np.maximum(said[head], 1e-8) ** (1 / how.temperature)
        warm /= warm.sum(axis=1, keepdims=True)
        mixed[head] = np.asarray((1 - how.weight) * targets[head] + how.weight * warm, np.float32)
    return mixed


def write_soft(path: Path, soft: SoftTargets) -> None:
    """All or nothing. Raises SinkError."""
    write_arrays(path, {"pictures": soft.pictures, **soft.scores}, compressed=True)


def read_soft(path: Path) -> SoftTargets:
    """Raises ModelError if there is no such file, or it holds something else."""
    try:
        # numpy leaves a file open that it opened itself and could not read.
        with path.open("rb") as file, np.load(file) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no file of mien-train teach"
        raise ModelError(f"{path}: cannot be read: {reason}") from error
    pictures = arrays.pop("pictures", None)
    if pictures is None or not arrays or any(len(array) != len(pictures) for array in arrays.values()):
        raise ModelError(f"{path}: no file of mien-train teach")
    return SoftTargets(pictures, arrays)
