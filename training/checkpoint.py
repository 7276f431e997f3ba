"""Saving a run so that it can go on as if nothing had happened."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edge.errors import ModelError
from training.whole import write_arrays

Arrays = list[NDArray[Any]]


class Checkpoint(Struct, frozen=True, eq=False):
    """Everything a run needs after an epoch.

    epoch: how many are done. history: one row an epoch. recipe: its fingerprint.
    variables: of the model; average: their running mean; best: the average of the best epoch; optimizer: its state.
    """

    epoch: int
    recipe: str
    history: list[dict[str, float]]
    variables: Arrays
    average: Arrays
    best: Arrays
    optimizer: Arrays


GROUPS = ("variables", "average", "best", "optimizer")


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write all or nothing. Raises SinkError if the disk will not take it; the old checkpoint then stands."""
    arrays: dict[str, NDArray[Any]] = {
        f"{group}_{number}": array for group in GROUPS for number, array in enumerate(getattr(checkpoint, group))
    }
    about = {"epoch": checkpoint.epoch, "recipe": checkpoint.recipe, "history": checkpoint.history}
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    write_arrays(path, arrays)


def read_checkpoint(path: Path) -> Checkpoint:
    """Raises ModelError if the file is missing, cut short or no checkpoint."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes())
            groups = {
                group: [arrays[f"{group}_{number}"] for number in range(_count(arrays.files, group))]
                for group in GROUPS
            }
        return Checkpoint(about["epoch"], about["recipe"], about["history"], **groups)
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no checkpoint to resume from") from error
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path}: no checkpoint that can be read: {error}") from error


def _count(names: list[str], group: str) -> int:
    return sum(name.startswith(f"{group}_") for name in names)
