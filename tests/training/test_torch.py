"""The same recipe on torch, for those whose GPU it drives."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("keras")

from training.history import read_history
from training.predictor import open_predictor
from training.readers import read_npz

RECIPE = """
name = "tiny"
[model]
size = "small"
[loss]
second_head_weight = 0.5
calibrate = true
[augment]
mixup = 0.2
[train]
epochs = {epochs}
batch_size = 16
learning_rate = 0.02
warmup_epochs = 0.0
schedule = "constant"
ema = 0.5
"""

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="needs torch (pip install torch)"
)


@needs_torch
def test_a_recipe_trains_and_resumes_on_torch_and_any_backend_reads_the_model(npz: Path, tmp_path: Path) -> None:
    recipe, out = tmp_path / "tiny.toml", tmp_path / "run"
    recipe.write_text(RECIPE.format(epochs=2))
    surroundings = {**os.environ, "KERAS_BACKEND": "torch"}

    def fit(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "training.cli", "fit", str(recipe), "--data", str(npz), "--out", str(out)]
        return subprocess.run([*command, *words], env=surroundings, capture_output=True, text=True, check=False)

    done = fit()
    assert done.returncode == 0, done.stderr
    again = fit("--resume")
    assert again.returncode == 0, again.stderr
    assert "epoch" not in again.stdout, "both epochs are done"
    assert [row["epoch"] for row in read_history(out / "history.csv")] == [1, 2]
    scores = open_predictor(str(out / "model.keras")).scores(read_npz(npz).pixels)
    assert scores.shape == (112, 7)
    assert scores.sum(axis=1) == pytest.approx(1, abs=1e-4)
