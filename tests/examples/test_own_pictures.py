"""The script goes the whole way from a folder of pictures to a model that Mien opens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.model.labels import FER2013
from edge.model.package import open_model

pytest.importorskip("tensorflow")

EACH = 10


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder an emotion; a bright bar stands where the emotion says, on noise."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(11)
    for number, emotion in enumerate(FER2013):
        (folder / emotion).mkdir()
        for count in range(EACH):
            picture = cv2.resize(rng.integers(0, 160, (12, 12)).astype(np.uint8), (64, 64))
            picture[6 + 8 * number : 10 + 8 * number, 8:56] = 250
            cv2.imwrite(str(folder / emotion / f"{count}.png"), picture)
    return folder


def train(examples: Path, *words: object) -> subprocess.CompletedProcess[str]:
    commands = Path(sys.executable).parent
    surroundings = {**os.environ, "PATH": f"{commands}:{os.environ['PATH']}", "TF_CPP_MIN_LOG_LEVEL": "3"}
    script = [examples / "own_pictures/train.sh", *map(str, words)]
    return subprocess.run(script, capture_output=True, text=True, check=False, env=surroundings)


def test_from_pictures_to_a_model_that_mien_opens(examples: Path, pictures: Path, tmp_path: Path) -> None:
    recipe = (examples / "own_pictures/recipe.toml").read_text()
    short = tmp_path / "short.toml"
    short.write_text(re.sub(r"(?m)^epochs = \d+", "epochs = 1", recipe))
    done = train(examples, pictures, tmp_path / "out", short)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    model = open_model(tmp_path / "out/model.tflite")
    assert model.labels == FER2013
    assert model.manifest.name == "own-pictures"
    assert done.stdout.count('"faces":') == EACH, "it says what it sees in the pictures of one emotion"
    history = (tmp_path / "out/run/history.csv").read_text().splitlines()
    assert len(history) == 2


def test_a_wrong_call_is_one_line(examples: Path) -> None:
    done = train(examples, "alone")
    assert (done.returncode, done.stderr) == (2, "usage: train.sh PICTURES OUT [RECIPE]\n")
