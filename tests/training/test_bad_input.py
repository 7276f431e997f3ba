"""Everything that can be wrong with what people bring, through the command: one clear line, or a counted skip."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras")

from train_command import Told, mien_train

from training.checkpoint import read_checkpoint
from training.dataset import VOTE_COLUMNS
from training.history import read_history

PIXELS = " ".join(["7"] * 2304)
GOOD = "\n".join(["emotion,pixels,Usage", f"3,{PIXELS},Training"])
VOTES = "Usage,Image name," + ",".join(VOTE_COLUMNS)

RECIPE = """
name = "tiny"
[model]
size = "small"
[train]
epochs = {epochs}
batch_size = 16
optimizer = "sgd"
learning_rate = {rate}
schedule = "constant"
warmup_epochs = 0.0
weight_decay = {decay}
ema = 0.0
precision = "float32"
"""

Call = Callable[..., Told]


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    return lambda *words: mien_train(capfd, monkeypatch, *words)


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., Path]:
    def write(epochs: int = 1, rate: float = 0.01, decay: float = 0.0) -> Path:
        path = tmp_path / "tiny.toml"
        path.write_text(RECIPE.format(epochs=epochs, rate=rate, decay=decay))
        return path

    return write


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ("1", "there must be 2304 pixels"),
        ("1,1 2 3,Training", "there must be 2304 pixels"),
        (f"1,{PIXELS.replace('7', '256', 1)},Training", "pixels must be whole numbers from 0 to 255"),
        (f"7,{PIXELS},Training", "emotion must be 0 to 6"),
        (f"glad,{PIXELS},Training", "emotion must be 0 to 6"),
    ],
    ids=["malformed", "pixel count", "out of range", "unknown label", "no number"],
)
def test_a_bad_row_is_left_out_and_counted_with_its_line(call: Call, tmp_path: Path, row: str, rule: str) -> None:
    (tmp_path / "fer2013.csv").write_text(f"{GOOD}\n{row}\n")
    told = call("data", "--data", tmp_path / "fer2013.csv")
    assert told.status == 0
    assert f"left out: 1 {rule} (first: line 3)" in told.out


def test_unreadable_pictures_and_unknown_folders_are_counted_with_the_first(
    call: Call, write_tree: Callable[..., Path]
) -> None:
    tree = write_tree("train/fear/1.png", "train/boredom/1.png", "train/boredom/2.png")
    (tree / "train" / "fear" / "broken.png").write_bytes(b"no picture")
    told = call("data", "--data", tree)
    assert told.status == 0
    assert "left out: 2 label 'boredom' is no emotion of Mien's (first: train/boredom/1.png)" in told.out
    assert "left out: 1 not a picture that can be read (first: train/fear/broken.png)" in told.out


@pytest.mark.parametrize(
    ("votes", "line"),
    [
        (["PublicTest,a.png,0,10,0,0,0,0,0,0,0,0"], "line 2: Usage 'PublicTest', but the face's is 'Training'"),
        (["Training,a.png,0,10,0,0,0,0,0,0,0,0"] * 2, "2 rows of votes for 1 rows of faces"),
        (["Training,a.png,0,ten,0,0,0,0,0,0,0,0"], "line 2: votes must be whole numbers from 0 to 255"),
    ],
)
def test_votes_that_do_not_match_are_one_line(call: Call, tmp_path: Path, votes: list[str], line: str) -> None:
    (tmp_path / "fer2013.csv").write_text(GOOD + "\n")
    (tmp_path / "votes.csv").write_text("\n".join([VOTES, *votes]) + "\n")
    told = call("data", "--data", tmp_path / "fer2013.csv", "--votes", tmp_path / "votes.csv")
    assert told.the_line() == f"mien-train: {tmp_path}/votes.csv: {line}"


def test_a_split_that_does_not_exist_is_named_with_those_that_do(call: Call, npz: Path) -> None:
    told = call("evaluate", "emotion", "--data", npz, "--split", "PrivateTest")
    assert "split PrivateTest: the data have no such split (there are PublicTest, Training, vali" in told.the_line()


def test_an_empty_class_is_named(
    call: Call, write_tree: Callable[..., Path], recipe: Callable[..., Path], tmp_path: Path
) -> None:
    shown = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "contempt")
    tree = write_tree(*[f"train/{label}/{n}.png" for label in shown for n in range(8)], "test/fear/1.png")
    told = call("fit", recipe(), "--data", tree, "--out", tmp_path / "run")
    assert told.the_line() == ("mien-train: head fer2013: no training face shows neutral: add some with --extra")
    assert "with a label that the model lacks" in told.out, "contempt is none of the seven"


def test_a_checkpoint_cut_short_is_refused(
    call: Call, npz: Path, recipe: Callable[..., Path], tmp_path: Path
) -> None:
    path = tmp_path / "run" / "checkpoint.npz"
    path.parent.mkdir()
    path.write_bytes(b"PK\x03\x04 and no more")
    told = call("fit", recipe(), "--data", npz, "--out", path.parent, "--resume")
    assert told.the_line().startswith(f"mien-train: {path}: no checkpoint that can be read: ")
    assert path.read_bytes() == b"PK\x03\x04 and no more"


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_last_good_checkpoint(
    call: Call, npz: Path, recipe: Callable[..., Path], tmp_path: Path
) -> None:
    """Each step at this rate makes every weight many times larger, until the numbers end."""
    out = tmp_path / "run"
    told = call("fit", recipe(epochs=60, rate=10.0, decay=0.5), "--data", npz, "--out", out)
    line = told.the_line()
    epoch = int(line.split("epoch ")[1].split(":")[0])
    assert "lower train.learning_rate or set train.clip_norm" in line
    assert 1 < epoch <= 60
    saved = read_checkpoint(out / "checkpoint.npz")
    assert saved.epoch == epoch - 1
    assert all(np.isfinite(array).all() for array in (*saved.variables, *saved.average, *saved.best))
    assert all(math.isfinite(row["loss"]) for row in read_history(out / "history.csv"))
    assert not (out / "model.keras").exists()


def test_weights_are_for_transfer_networks(call: Call, npz: Path, recipe: Callable[..., Path]) -> None:
    told = call("fit", recipe(), "--data", npz, "--weights", "none")
    assert told.the_line() == "mien-train: --weights none: is for transfer networks, and tiny is compact"


def test_another_seed_is_noted_beside_the_result(
    call: Call, npz: Path, recipe: Callable[..., Path], tmp_path: Path
) -> None:
    losses = []
    for seed in (5, 6, 5):
        out = tmp_path / f"run-{len(losses)}"
        assert call("fit", recipe(), "--data", npz, "--out", out, "--seed", seed).status == 0
        assert (out / "recipe.toml").read_text().startswith(f"# fit --seed {seed}\n")
        losses.append(read_history(out / "history.csv")[0]["loss"])
    assert losses[0] == pytest.approx(losses[2], rel=1e-3)
    assert losses[0] != pytest.approx(losses[1], rel=1e-3)


def test_a_family_starts_only_from_what_it_knows(call: Call, npz: Path) -> None:
    told = call("fit", "transfer-mobilenetv2", "--data", npz, "--weights", "faces")
    assert told.the_line() == "mien-train: --weights faces: must be one of none, imagenet for transfer"
