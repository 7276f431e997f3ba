"""A small Keras classifier and samples, made once; and the command, run in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from tiny_keras import build_classifier, teach_head

from converters.quiet import prepare_tensorflow, quiet

prepare_tensorflow()

LABELS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")


class Result(NamedTuple):
    status: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """mien-convert with these arguments: exit status, standard output, standard error."""

    def command(*arguments: object) -> Result:
        from converters.cli import main

        monkeypatch.setattr("sys.argv", ["mien-convert", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return Result(int(ended.value.code or 0), out, err)

    return command


@pytest.fixture
def refused(run: Run) -> Callable[..., str]:
    """The one line with which the command refuses; it must end with status 2 and have printed nothing else."""

    def command(*arguments: object) -> str:
        status, out, err = run(*arguments)
        assert status == 2, (status, out, err)
        assert out == ""
        assert err.startswith("mien-convert: ")
        assert err.count("\n") == 1, err
        return err.removeprefix("mien-convert: ").rstrip()

    return command


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, samples: Path) -> Path:
    """A folder with classifier.keras, classifier.h5, saved/ and float.tflite: the same network four times."""
    folder = tmp_path_factory.mktemp("models")
    with quiet():
        from converters.sources import Options, open_source
        from converters.to_tflite import run_converter

        model = build_classifier()
        data = np.load(samples)
        teach_head(model, data["pixels"], [LABELS.index(word) for word in data["labels"]])
        model.save(folder / "classifier.keras")
        model.save(folder / "classifier.h5")
        source = open_source(folder / "classifier.keras", Options())
        source.saved_model(folder / "saved", (0.0,), (1.0,))
        (folder / "float.tflite").write_bytes(run_converter(folder / "saved", "float32", None, "here"))
    return folder


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An .npz of 40 soft pictures, 16x16, each with a label."""
    rng = np.random.default_rng(11)
    coarse = rng.integers(0, 256, (40, 4, 4)).astype(np.float64)
    pixels = np.rint(np.kron(coarse, np.ones((4, 4))) * 0.9 + rng.uniform(0, 25, (40, 16, 16))).clip(0, 255)
    path = tmp_path_factory.mktemp("samples") / "samples.npz"
    np.savez(path, pixels=pixels.astype(np.uint8), labels=np.array([LABELS[i % 7] for i in range(40)]))
    return path


@pytest.fixture(scope="session")
def converted(models: Path, samples: Path) -> Path:
    """classifier.keras as whole int8."""
    path = models / "classifier.tflite"
    with quiet():
        from converters.samples import read_samples
        from converters.scaling import Scaling
        from converters.sources import Options, open_source
        from converters.to_tflite import convert

        source = open_source(models / "classifier.keras", Options())
        path.write_bytes(convert(source, Scaling(), "int8", read_samples(samples, source.shape).pixels))
    return path
