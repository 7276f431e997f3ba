"""Training together: what cannot work is refused, and two workers learn what one learns."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras")

import keras

from edge.errors import ConfigError
from training.augment import NOTHING
from training.batches import EpochBatches
from training.dataset import Faces
from training.distribute import Worker, worker_of
from training.history import read_history

RECIPE = """
name = "together"
[model]
size = "small"
[loss]
second_head_weight = 1.0
[augment]
flip = 0.0
shift = 0.0
zoom = 0.0
rotate_deg = 0.0
brightness = 0.0
contrast = 0.0
erase = 0.0
shrink = 0.0
noise = 0.0
[train]
epochs = 2
batch_size = 16
learning_rate = 0.002  # at a high one the last digits of a sum grow from step to step
warmup_epochs = 0.5
ema = 0.9
precision = "float32"
"""

needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs jax (pip install jax)")


@pytest.mark.parametrize(
    ("address", "place", "batch", "message"),
    [
        ("nowhere", "1/2", 32, "--distribute nowhere: must be HOST:PORT"),
        ("127.0.0.1:4000", "3/2", 32, "--worker 3/2: must be K/N"),
        ("127.0.0.1:4000", "0/2", 32, "--worker 0/2: must be K/N"),
        ("127.0.0.1:4000", "one", 32, "--worker one: must be K/N"),
        ("127.0.0.1:4000", "1/3", 32, "train.batch_size = 32: must be a multiple of the 3 workers"),
    ],
)
def test_what_makes_no_sense_is_named(address: str, place: str, batch: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        worker_of(address, place, batch)


def test_another_backend_than_jax_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    with pytest.raises(ConfigError, match="works on JAX, and Keras runs on tensorflow"):
        worker_of("127.0.0.1:4000", "1/2", 32)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert worker_of("127.0.0.1:4000", "2/2", 32) == Worker(1, 2)


def test_the_workers_parts_are_the_batch_in_its_order(faces: Faces) -> None:
    targets = {"fer2013": np.eye(7, dtype=np.float32)[faces.emotions]}

    def batch(worker: Worker) -> tuple[np.ndarray, np.ndarray]:
        made = EpochBatches(faces.pixels, targets, NOTHING, batch_size=16, seed=1, epoch=0, worker=worker)
        return made[2][0], made[2][1]["fer2013"]

    whole, *parts = (batch(worker) for worker in (Worker(), Worker(0, 2), Worker(1, 2)))
    for kind in (0, 1):
        assert np.array_equal(np.concatenate([part[kind] for part in parts]), whole[kind])


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@needs_jax
def test_two_workers_on_loopback_lose_what_one_loses(npz: Path, tmp_path: Path) -> None:
    (tmp_path / "together.toml").write_text(RECIPE)
    surroundings = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    address = f"127.0.0.1:{free_port()}"

    def start(out: str, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "training.cli", "fit", str(tmp_path / "together.toml"), "--data", str(npz)]
        return subprocess.Popen(
            [*command, "--out", str(tmp_path / out), *words],
            env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def end(*processes: subprocess.Popen[str]) -> None:
        told = [process.communicate(timeout=600)[0] for process in processes]
        assert [process.returncode for process in processes] == [0] * len(processes), "\n".join(told)

    end(start("alone"))
    end(*(start("both", "--distribute", address, "--worker", f"{k}/2") for k in (1, 2)))
    losses = [[row["loss"] for row in read_history(tmp_path / out / "history.csv")] for out in ("alone", "both")]
    assert losses[1] == pytest.approx(losses[0], abs=1e-4)
    assert (tmp_path / "both" / "model.keras").is_file()
