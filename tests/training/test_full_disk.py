"""A disk that takes no more: one line that names the file, and what stood before still stands.

The limit is the kernel's own, on the size of a file (RLIMIT_FSIZE), in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("keras")

PROGRAM = """
import resource, sys
from pathlib import Path
import keras, numpy as np
from training.checkpoint import Checkpoint, write_checkpoint
from training.run import save_model

out = Path(sys.argv[1])
small = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
large = keras.Sequential([keras.Input((300,)), keras.layers.Dense(300)])
write_checkpoint(out / "checkpoint.npz", Checkpoint(1, "x", [], [np.zeros(3)], [], [], []))
save_model(small, out / "model.keras")
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
saved = Checkpoint(2, "x", [], [np.zeros(90_000)], [], [], [])
for attempt in (
    lambda: write_checkpoint(out / "checkpoint.npz", saved),
    lambda: save_model(large, out / "model.keras"),
):
    try:
        attempt()
    except Exception as error:
        print(type(error).__name__, error)
"""


def test_checkpoint_and_model_survive_a_disk_that_is_full(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = done.stdout.splitlines()
    assert [line.split()[0] for line in told] == ["SinkError", "SinkError"], done.stdout
    assert f"{tmp_path}/checkpoint.npz: cannot be written: File too large" in told[0]
    assert f"{tmp_path}/model.keras: cannot be written" in told[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.npz", "model.keras"]

    import keras

    from training.checkpoint import read_checkpoint

    assert read_checkpoint(tmp_path / "checkpoint.npz").epoch == 1
    assert keras.saving.load_model(tmp_path / "model.keras", compile=False).output_shape == (None, 2)
