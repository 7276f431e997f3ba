"""Distillation over changed pictures: what teachers say of the very pictures that a training will see.

Of the faces that they learnt from, teachers repeat the labels; of changed and mixed ones they say what they have
understood. Source: Beyer et al. 2022, "Knowledge distillation: a good teacher is patient and
consistent", arXiv:2106.05237.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edge.errors import ConfigError
from training.augment import Augmentation
from training.batches import EpochBatches
from training.distil import HEAD_OF, SoftTargets, digests, not_taught, read_scores, read_soft
from training.recipe import Recipe
from training.whole import write_arrays

KINDS = ("seed", "batch_size", "augment", "faces")
"""The arrays of a file that say which pictures were judged; the others are roots of scores."""


class Views(Struct, frozen=True, eq=False):
    """One view is an epoch's pictures. seed, batch_size: of training.batches.EpochBatches, which makes them again.
    augment: how, as JSON. faces: a digest of all that they are made from. roots: for each head uint8, shape (views,
    pictures, labels), in the order of the batches: the roots of scores, 255 for 1, which keep small ones apart.
    """

    seed: int
    batch_size: int
    augment: str
    faces: int
    roots: dict[str, NDArray[np.uint8]]

    @property
    def count(self) -> int:
        return min(len(array) for array in self.roots.values())

    def check(self, recipe: Recipe, pixels: NDArray[np.uint8]) -> None:
        """Raises ConfigError if a training by this recipe, on faces uint8 (n, side, side), would see others."""
        for name, own, wanted in (
            ("train.batch_size", self.batch_size, recipe.train.batch_size),
            ("[augment]", self.augment, as_json(recipe.augment)),
            ("--data", self.faces, digest_of(pixels)),
        ):
            if own != wanted:
                raise ConfigError(f"--teacher: its views are of another {name}: run mien-train teach --views")

    def of(self, view: int) -> dict[str, NDArray[np.float32]]:
        """The scores of one view, by head; rows sum to 1."""
        squares = {head: array[view].astype(np.float32) ** 2 for head, array in self.roots.items()}
        return {head: array / array.sum(axis=1, keepdims=True) for head, array in squares.items()}


def as_json(how: Augmentation) -> str:
    return msgspec.json.encode(how).decode()


def digest_of(pixels: NDArray[np.uint8]) -> int:
    """63 bits that tell these faces in this order from others."""
    return int(digests(np.ascontiguousarray(pixels)[np.newaxis])[0] >> np.uint64(1))


def judge(
    models: list[str], recipe: Recipe, pixels: NDArray[np.uint8], count: int, tell: Callable[[str], None]
) -> Views:
    """What models say of `count` epochs of the pictures that a training by this recipe sees, averaged by labels.

    models: whatever training.predictor opens. pixels: uint8 (n, side, side), the training faces. Raises ModelError.
    """
    from training.predictor import open_panel

    how, panel = recipe.train, open_panel(models)
    views: dict[str, list[NDArray[np.uint8]]] = {}
    for epoch in range(count):
        batches = EpochBatches(pixels, {}, recipe.augment, batch_size=how.batch_size, seed=how.seed, epoch=epoch)
        pictures = np.concatenate([batches[number][0] for number in range(len(batches))])
        seen = np.rint(pictures[..., 0] * 255).astype(np.uint8)
        said: dict[str, list[NDArray[np.float32]]] = {}
        for labels, scores in panel(seen):
            said.setdefault(HEAD_OF[labels], []).append(scores)
        for head, all_of in said.items():
            views.setdefault(head, []).append(np.rint(255 * np.sqrt(np.mean(all_of, axis=0))).astype(np.uint8))
        tell(f"view {epoch + 1}/{count}: {len(seen)} pictures")
    roots = {head: np.stack(arrays) for head, arrays in views.items()}
    return Views(how.seed, how.batch_size, as_json(recipe.augment), digest_of(pixels), roots)


def write_views(path: Path, views: Views) -> None:
    """All or nothing. Raises SinkError."""
    kinds = {name: np.array(getattr(views, name)) for name in KINDS}
    write_arrays(path, {**kinds, **views.roots}, compressed=True)


def read_teacher(path: Path) -> SoftTargets | Views:
    """Whichever of the two mien-train teach wrote there. Raises ModelError if it is neither."""
    arrays = read_scores(path)
    if "pictures" in arrays:
        return read_soft(path)
    if not set(KINDS) < arrays.keys():
        raise not_taught(path)
    seed, batch_size, augment, faces = (arrays.pop(name).item() for name in KINDS)
    return Views(seed, batch_size, augment, faces, arrays)
