"""Cross-validation: each face is judged once, by a model that saw no copy of it, and a stop loses nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("keras")

from edge.errors import ConfigError, ModelError, SourceError
from training.cli import cli
from training.dataset import VOTE_COLUMNS, Faces
from training.folds import HELD_OUT, fold_numbers, held_out
from training.recipe import load_recipe
from training.splits import split

RECIPE = """
name = "tiny"
[model]
size = "small"
[distil]
weight = 0.5
[train]
epochs = 1
batch_size = 16
precision = "float32"
"""


def run(*words: object) -> Any:
    return CliRunner().invoke(cli, [str(word) for word in words])


def test_every_training_face_is_in_one_fold_and_no_other_face_in_any(faces: Faces) -> None:
    folds = fold_numbers(faces, "fer2013", 3)
    assert np.array_equal(folds >= 0, faces.splits == "Training")
    for label in range(7):
        counts = np.bincount(folds[(faces.emotions == label) & (folds >= 0)], minlength=3)
        assert counts.max() - counts.min() <= 1, "labels are spread evenly"


def test_copies_stay_together(faces: Faces) -> None:
    pixels = faces.pixels.copy()
    pixels[40] = pixels[3]
    doubled = Faces(pixels, faces.emotions, faces.labels, faces.splits, faces.names)
    folds = fold_numbers(doubled, "fer2013", 5)
    assert folds[40] == folds[3]


def test_a_picture_of_an_evaluation_split_is_in_no_fold(faces: Faces) -> None:
    pixels = faces.pixels.copy()
    pixels[3] = pixels[-1]
    assert (
        fold_numbers(Faces(pixels, faces.emotions, faces.labels, faces.splits, faces.names), "fer2013", 5)[3] == -1
    )


def test_what_is_held_out_neither_trains_nor_chooses(faces: Faces) -> None:
    folds = fold_numbers(faces, "fer2013", 4)
    marked = held_out(faces, folds, 2)
    parts = split(marked)
    used = np.concatenate([parts.training.rows, parts.validation.rows])
    assert (folds[used] != 2).all()
    assert np.array_equal(marked.splits == HELD_OUT, folds == 2)
    assert len(used) + int((folds == 2).sum()) == 84


def test_more_folds_than_pictures_are_refused(faces: Faces) -> None:
    with pytest.raises(SourceError, match="85 folds need as many training pictures, there are 84"):
        fold_numbers(faces, "fer2013", 85)


def test_folds_are_trained_one_by_one_and_judged_together(npz: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(RECIPE)
    words = ["folds", tmp_path / "tiny.toml", "--data", npz, "--out", tmp_path / "out", "--folds", 2]
    assert "other folds are missing" in run(*words, "--only", 2).output
    first = (tmp_path / "out" / "fold-2" / "answers.npz").read_bytes()
    told = run(*words).output
    assert "fold 1/2  epoch 1/1" in told
    assert "fold 2/2  epoch" not in told, "a finished fold is left alone"
    assert (tmp_path / "out" / "fold-2" / "answers.npz").read_bytes() == first
    result = json.loads((tmp_path / "out" / "folds.json").read_text())
    assert (result["split"], result["all"]["n"]) == ("2 folds of Training", 84)
    assert sum(map(sum, result["all"]["confusion"])) == 84

    (tmp_path / "out" / "fold-2" / "answers.npz").write_bytes(first[:100])
    assert isinstance(run(*words).exception, ModelError)


def test_the_rare_labels_are_counted_over_all_folds(faces: Faces, tmp_path: Path) -> None:
    votes, marks = faces.votes.copy(), faces.splits
    votes[:5] = [VOTE_COLUMNS.index("contempt") == column and 10 for column in range(len(VOTE_COLUMNS))]
    votes[5] = 1  # nobody wins
    np.savez(
        tmp_path / "rare.npz",
        pixels=faces.pixels, emotion=faces.emotions, usage=marks, votes=votes, name=np.array(faces.names),
    )  # fmt: skip
    (tmp_path / "tiny.toml").write_text(RECIPE + '[loss]\nhead = "ferplus"\n')
    out = tmp_path / "out"
    words = ["folds", tmp_path / "tiny.toml", "--data", tmp_path / "rare.npz", "--out", out, "--folds", 2]
    done = run(*words, "--epochs", 2)
    assert done.exit_code == 0, done
    assert "fold 1/2  epoch 2/2" in done.output
    assert load_recipe(out / "recipe.toml").train.epochs == 2
    found = json.loads((out / "folds.json").read_text())
    contempt, disgust = (found["all"]["classes"][label] for label in ("contempt", "disgust"))
    assert (contempt["n"], disgust["n"], found["all"]["n"]) == (5, 12, 83)
    assert found["left_out"] == {"without a label by the rule": 1}
    for label, entry in (("contempt", contempt), ("disgust", disgust)):
        row = next(line.split() for line in done.output.splitlines() if line.split()[:1] == [label])
        assert row[:2] + row[3:4] == [label, str(entry["n"]), f"{entry['recall']:.3f}"]


def test_a_fold_that_is_not_there_is_refused(npz: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(RECIPE)
    result = run("folds", tmp_path / "tiny.toml", "--data", npz, "--out", tmp_path, "--folds", 2, "--only", 3)
    assert isinstance(result.exception, ConfigError)
    assert str(result.exception) == "--only 3: there are 2 folds"
