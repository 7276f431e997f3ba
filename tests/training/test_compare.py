"""Comparisons: one table for all rows, made once, gone on with where it stopped."""

from __future__ import annotations

import json
import math
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tiny import tiny_recipe

pytest.importorskip("keras")

import keras

from edge.errors import ConfigError, ModelError
from training.cli import cli, main
from training.recipe import load_recipe

EXPERIMENT = """
base = "{base}"
[common]
train = {{ epochs = 1 }}
[[rows]]
name = "baseline"
says = "as it is"
[[rows]]
name = "distilled"
says = "from a teacher"
change = {{ distil = {{ weight = 0.5 }} }}
[[rows]]
name = "rounded"
says = "the first one, rounded"
after = "baseline"
[[rows]]
name = "tuned"
says = "the first one, tuned"
after = "baseline"
tune_epochs = 1
"""


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    (tmp_path / "base.toml").write_text(tiny_recipe(epochs=5))
    path = tmp_path / "mine.toml"
    path.write_text(EXPERIMENT.format(base=tmp_path / "base.toml"))
    return path


def run(*words: object) -> Any:
    return CliRunner().invoke(cli, ["compare", *map(str, words)])


def test_rows_are_made_once_and_stand_in_one_table(experiment: Path, npz: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = [experiment, "--data", npz, "--out", out]
    some = run(*words, "--only", "baseline", "--only", "rounded", "--only", "tuned")
    assert some.exception is None, some.output
    assert load_recipe(out / "baseline" / "recipe.toml").train.epochs == 1
    results = {name: json.loads((out / name / "result.json").read_text()) for name in ("baseline", "tuned")}
    found = results["baseline"]
    assert (found["n"], found["parameters"] > 500_000) == (8, True)
    assert results["tuned"]["multiply_adds"] == found["multiply_adds"]
    lines = (out / "table.md").read_text().splitlines()
    assert [line.split(" | ")[0] for line in lines[2:5]] == [
        "| as it is", "| the first one, rounded", "| the first one, tuned"
    ]  # fmt: skip
    assert f"{100 * found['accuracy']:.1f} % |" in lines[2], "the first has no difference to itself"
    assert "N = 8" in lines[-1]
    assert some.output.endswith((out / "table.md").read_text())

    again = run(*words, "--only", "baseline")
    assert "epoch" not in again.output.split("| Change")[0], "a finished row is left alone"
    assert isinstance(run(*words, "--only", "baseline", "--epochs", 2).exception, ModelError)


def test_what_cannot_be_made_is_told_before_anything_is_trained(
    experiment: Path, npz: Path, tmp_path: Path
) -> None:
    words = [experiment, "--data", npz, "--out", tmp_path / "out"]
    for more, message in (
        ((), "distilled: learns from a teacher: give --teacher FILE"),
        (("--only", "none"), "--only none: must be one of baseline, distilled, rounded, tuned"),
        (("--only", "tuned"), "--only tuned: goes on from baseline: name it, too"),
    ):
        found = run(*words, *more)
        assert isinstance(found.exception, ConfigError)
        assert str(found.exception) == message
    assert not (tmp_path / "out").exists()
    assert "no bundled experiment of this name (what-buys-what)" in str(run("no-such", *words[1:]).exception)


def test_a_row_that_breaks_is_told_and_stops_no_other(
    experiment: Path, npz: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.Model, "fit", lambda *_, **__: types.SimpleNamespace(history={"loss": [math.nan]}))
    words = ["--data", npz, "--out", tmp_path / "out", "--only", "baseline", "--only", "rounded"]
    monkeypatch.setattr(sys, "argv", ["mien-train", "compare", str(experiment), *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    table = (tmp_path / "out" / "table.md").read_text()
    assert "| as it is | failed: epoch 1: the loss is nan" in table
    assert "| the first one, rounded | failed: there is nothing to go on from: baseline failed" in table
