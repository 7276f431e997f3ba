"""A run that is killed, in the middle of an epoch and in the middle of writing, goes on as if nothing had been.

The process ends itself at a chosen point, by the kernel's own hand, so that no busy machine can miss it.
"""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras")

from tiny import tiny_recipe
from train_command import mien_train

from training.checkpoint import read_checkpoint
from training.history import read_history

IN_MID_EPOCH = "os.kill(os.getpid(), signal.SIGKILL)"
# The kernel ends a process that writes past the limit at the very byte; Python would have ignored its signal.
WHILE_WRITING = "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))"

PROGRAM = """
import os, resource, signal, sys
from training.batches import EpochBatches
from training.cli import main

def getitem(self, number, own=EpochBatches.__getitem__):
    if self._key[1] == 1 and number == 2:
        {end}
    return own(self, number)

EpochBatches.__getitem__ = getitem
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
main()
"""


def killed(end: str, *words: object) -> int:
    """Runs `mien-train` to its end in the second epoch, and gives the status."""
    command = [sys.executable, "-c", PROGRAM.format(end=end), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "epoch 3" not in done.stdout, done.stdout
    return done.returncode


@contextmanager
def largest_file(size_bytes: int) -> Iterator[None]:
    """No file grows beyond this inside the block: for a program the same as a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_run_that_is_killed_twice_and_fills_the_disk_ends_as_an_unbroken_one(
    npz: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tiny.toml").write_text(tiny_recipe(epochs=3))
    words = ("fit", tmp_path / "tiny.toml", "--data", npz, "--out")
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    checkpoint = broken / "checkpoint.npz"

    assert killed(IN_MID_EPOCH, *words, broken) == -signal.SIGKILL
    assert read_checkpoint(checkpoint).epoch == 1
    first = checkpoint.read_bytes()

    assert killed(WHILE_WRITING, *words, broken, "--resume") == -signal.SIGXFSZ
    assert checkpoint.read_bytes() == first
    left = [path for path in broken.iterdir() if path.name.startswith("unfinished")]
    assert [path.stat().st_size for path in left] == [1_000_000], "it was in the middle of a checkpoint"

    with largest_file(1_000_000):
        told = mien_train(capfd, monkeypatch, *words, broken, "--resume")
    assert told.the_line().endswith(f"{checkpoint}: cannot be written: File too large")
    assert checkpoint.read_bytes() == first

    assert mien_train(capfd, monkeypatch, *words, broken, "--resume").status == 0
    assert mien_train(capfd, monkeypatch, *words, whole).status == 0
    losses = [[row["loss"] for row in read_history(folder / "history.csv")] for folder in (whole, broken)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    for a, b in zip(
        *(read_checkpoint(folder / "checkpoint.npz").average for folder in (whole, broken)), strict=True
    ):
        assert np.allclose(a, b, atol=1e-5)
    names = [sorted(path.name for path in folder.iterdir()) for folder in (whole, broken)]
    assert names[1] == names[0]
