"""A few synthetic faces, as the data sets come, small enough to train on within seconds."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from training.dataset import VOTE_COLUMNS, Faces
from training.readers import read_npz

FER_TO_VOTE = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
EACH = 12


def drawn_face(rng: np.random.Generator, emotion: int) -> NDArray[np.uint8]:
    """A textured picture whose mouth, a bright bar, stands at a height that tells the emotion: uint8 (48, 48)."""
    base = cv2.resize(rng.integers(0, 160, (12, 12)).astype(np.uint8), (48, 48), interpolation=cv2.INTER_LINEAR)
    base[4 + 6 * emotion : 8 + 6 * emotion, 8:40] = 250
    return base


@pytest.fixture(scope="session")
def npz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """84 training and 28 PublicTest faces of seven emotions, with ten votes each."""
    rng = np.random.default_rng(7)
    emotions = np.concatenate([np.repeat(np.arange(7), EACH), np.repeat(np.arange(7), 4)]).astype(np.int8)
    votes = np.zeros((len(emotions), len(VOTE_COLUMNS)), np.uint8)
    for row, emotion in enumerate(emotions):
        votes[row, VOTE_COLUMNS.index(FER_TO_VOTE[emotion])] = 8
        votes[row, VOTE_COLUMNS.index("contempt")] = 2
    votes[0] = [0, 0, 0, 0, 2, 0, 0, 8, 0, 0]
    path = tmp_path_factory.mktemp("data") / "fer2013.npz"
    np.savez(
        path,
        pixels=np.stack([drawn_face(rng, emotion) for emotion in emotions]),
        emotion=emotions,
        usage=np.array(["Training"] * 7 * EACH + ["PublicTest"] * 28),
        votes=votes,
        name=np.array([f"fer{row:07d}.png" for row in range(len(emotions))]),
    )
    return path


@pytest.fixture(scope="session")
def faces(npz: Path) -> Faces:
    return read_npz(npz)


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    """Writes a table line by line and gives its path."""

    def write(*lines: str, name: str = "fer2013.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def write_tree(tmp_path: Path) -> Callable[..., Path]:
    """Writes drawn faces to the named files and gives their folder."""

    def write(*names: str, root: str = "tree", colour: bool = False) -> Path:
        rng = np.random.default_rng(1)
        for number, name in enumerate(names):
            path = tmp_path / root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            picture = drawn_face(rng, number % 7)
            cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR) if colour else picture)
        return tmp_path / root

    return write
