"""The command as people type it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from training.cli import COMMANDS, cli
from training.commands.fit import add_extra
from training.dataset import Faces
from training.readers import read_faces

RECIPE = """
name = "tiny"
[model]
size = "small"
[train]
epochs = 8
batch_size = 16
optimizer = "adamw"
learning_rate = 0.003
ema = 0.0
[augment]
shift = 0.0
zoom = 0.0
rotate_deg = 0.0
erase = 0.0
"""


def run(*words: object) -> str:
    result = CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_help_names_every_command_without_loading_keras() -> None:
    code = "import sys; from training.cli import cli; cli(['--help'], standalone_mode=False); "
    code += "assert not {'keras', 'numpy'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    assert "Usage:" in run(name, "--help")


def test_a_users_mistake_is_one_line_and_status_2(tmp_path: Path) -> None:
    words = ["data", "--data", str(tmp_path / "none.npz")]
    code = "import sys; from training.cli import main; sys.argv[0] = 'mien-train'; main()"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"mien-train: {tmp_path}/none.npz: no such file or folder\n"


def test_data_prints_balance_and_draws_pictures(npz: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    told = run("data", "--data", npz, "--out", tmp_path / "pictures")
    assert "PublicTest" in told
    assert "copies of an earlier picture: 0 (0 exact)" in told
    for name in ("balance.png", "samples.png"):
        assert (tmp_path / "pictures" / name).read_bytes().startswith(b"\x89PNG")


def test_calibration_ids_are_rows_one_a_line(npz: Path) -> None:
    lines = run("calibration-ids", "--data", npz, "--count", 14).splitlines()
    assert lines[0].startswith("# ")
    assert len([int(line) for line in lines[1:]]) == 14


def test_the_committed_calibration_list_is_of_420_different_rows() -> None:
    text = (Path(__file__).parents[2] / "training" / "calibration.txt").read_text()
    rows = [int(line) for line in text.splitlines() if not line.startswith("#")]
    assert len(set(rows)) == len(rows) == 420
    assert max(rows) < 28_558


def test_fit_evaluate_and_report_follow_each_other(npz: Path, tmp_path: Path) -> None:
    pytest.importorskip("keras")
    pytest.importorskip("matplotlib")
    (tmp_path / "tiny.toml").write_text(RECIPE)
    out = tmp_path / "run"
    told = run("fit", tmp_path / "tiny.toml", "--data", npz, "--out", out)
    assert "parameters" in told
    assert (out / "recipe.toml").read_text() == RECIPE
    again = CliRunner().invoke(cli, ["fit", str(tmp_path / "tiny.toml"), "--data", str(npz), "--out", str(out)])
    assert "--resume goes on with it" in str(again.exception)

    measured = json.loads(run("evaluate", out / "model.keras", "--data", npz, "--split", "PublicTest", "--json"))
    assert measured["all"]["n"] == 28
    assert measured["all"]["accuracy"] > 0.5
    assert len(measured["all"]["confusion"]) == 7

    run("report", out / "model.keras", "--data", npz, "--split", "PublicTest", "--out", tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 3 + (measured["all"]["accuracy"] < 1)  # the mistakes, if any
    assert "http" not in page


def test_extra_faces_join_the_training_split(faces: Faces, write_tree: Callable[..., Path]) -> None:
    tree = write_tree(*[f"{label}/{n}.png" for label in ("fear", "contempt") for n in range(5)])
    more = add_extra(faces, read_faces(tree))
    assert len(more) == len(faces) + 4
    assert set(more.splits[len(faces) :].tolist()) == {"Training"}
    assert more.skipped == {"label contempt is none of the model's": 4}
