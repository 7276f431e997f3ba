"""Cross-validation: every training face judged once, by a model that never saw it nor a copy of it.

PublicTest has too few faces of the rare emotions to say how well they are found; Training has ten times as many.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError, SourceError
from training.dataset import Faces
from training.duplicates import duplicate_groups
from training.evaluate import Evaluation, sample_of
from training.fit import Tell, fit
from training.metrics import measure
from training.predictor import open_predictor
from training.recipe import DistilConfig, Recipe
from training.run import CHECKPOINT, MODEL
from training.splits import is_training, split, targets_of
from training.whole import write_arrays

HELD_OUT = "held out"
SEED = 5
ANSWERS = "answers.npz"


def fold_numbers(faces: Faces, head: str, count: int) -> NDArray[np.intp]:
    """Each face's fold, 0 to count - 1, or -1 outside Training; copies share one, labels are spread evenly.

    Raises SourceError if there are fewer pictures than folds.
    """
    training = is_training(faces)
    groups = duplicate_groups(faces.pixels)
    # A picture that an evaluation split shows, too, teaches nothing and judges nothing.
    training &= ~np.isin(groups, groups[~training])
    rows = np.flatnonzero(training)
    names, first, member = np.unique(groups[rows], return_index=True, return_inverse=True)
    if len(names) < count:
        raise SourceError(f"{count} folds need as many training pictures, there are {len(names)}")
    shown = targets_of(faces)[head][rows[first]].argmax(axis=1)
    shuffled = np.random.default_rng(SEED).permutation(len(names))
    dealt = np.empty(len(names), np.intp)
    dealt[shuffled[np.argsort(shown[shuffled], kind="stable")]] = np.arange(len(names)) % count
    folds = np.full(len(faces), -1, np.intp)
    folds[rows] = dealt[member]
    return folds


def held_out(faces: Faces, folds: NDArray[np.intp], number: int) -> Faces:
    """The same faces, where a fold is an evaluation split: nothing of it trains or chooses."""
    marks = np.where(folds == number, HELD_OUT, faces.splits)
    return msgspec.structs.replace(faces, splits=marks)


def cross_validate(
    recipe: Recipe, faces: Faces, out: Path, count: int, *, only: int | None = None, tell: Tell = print
) -> Evaluation | None:
    """Train a model for each fold that lacks one, in out/fold-K, and judge all answers together.

    only: the one fold to train, from 1. Gives None while folds are missing. A killed run goes on where it was.
    A teacher would have seen what is held out, so the recipe's share of one is the labels' here.
    """
    recipe = msgspec.structs.replace(recipe, distil=DistilConfig())
    folds = fold_numbers(faces, recipe.loss.head, count)
    for number in range(count) if only is None else (only - 1,):
        folder = out / f"fold-{number + 1}"
        if not (folder / ANSWERS).is_file():
            _train_fold(recipe, held_out(faces, folds, number), folder, _prefixed(tell, number + 1, count))
    files = [out / f"fold-{number + 1}" / ANSWERS for number in range(count)]
    if not all(file.is_file() for file in files):
        return None
    scores, truth = (np.concatenate(arrays) for arrays in zip(*map(_read, files), strict=True))
    labels = open_predictor(str(out / "fold-1" / MODEL)).labels
    marks = np.where(folds >= 0, HELD_OUT, faces.splits)
    sample = sample_of(labels, msgspec.structs.replace(faces, splits=marks), HELD_OUT)
    left_out = dict(sample.left_out)
    if also := int((is_training(faces) & (folds < 0)).sum()):
        left_out["also in an evaluation split"] = also
    metrics = measure(scores, truth, labels)
    return Evaluation(f"{count} folds of Training", sample.labels, sample.rule, left_out, metrics, None)


def _train_fold(recipe: Recipe, faces: Faces, folder: Path, tell: Tell) -> None:
    keras.backend.clear_session()
    fit(recipe, split(faces), folder, resume=(folder / CHECKPOINT).is_file(), tell=tell)
    predictor = open_predictor(str(folder / MODEL))
    sample = sample_of(predictor.labels, faces, HELD_OUT)
    write_arrays(folder / ANSWERS, {"scores": predictor.scores(sample.faces.pixels), "truth": sample.truth})


def _read(path: Path) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    try:
        # numpy leaves a file open that it opened itself and could not read.
        with path.open("rb") as file, np.load(file) as arrays:
            return arrays["scores"], arrays["truth"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path}: no answers that can be read: remove it to train the fold again") from error


def _prefixed(tell: Tell, number: int, count: int) -> Callable[[str], None]:
    return lambda line: tell(f"fold {number}/{count}  {line}")
