"""The script that makes the bundled models, and what it made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from converters.audit import audit
from converters.flatbuffer import read_graph
from edge.config import SourceConfig
from edge.model.package import bundled_models, model_path, read_package
from edge.model.preprocess import FER_CROP, crop_face
from edge.sources import demo

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "converters" / "bundle.sh"
AGREEMENT = {"emotion": 0.97, "emotion-fer2013": 0.97, "emotion-small": 0.95}
"""On pictures that are harder than faces, on which bundle.sh asks for 0.97 of every model."""


def bundle(*arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({} if path is None else {"PATH": path})}
    return subprocess.run([str(SCRIPT), *arguments], capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "usage: converters/bundle.sh NAME DATA [RUNS [OUT]]"),
        (("emotion-fer2013", "/no/such.npz"), "/no/such.npz: no such file"),
        (("other", __file__), "other: not one of the bundled models: emotion, emotion-fer2013, emotion-small"),
    ],
)
def test_a_wrong_call_is_one_line(arguments: tuple[str, ...], line: str, tmp_path: Path) -> None:
    for name in ("mien-train", "mien-convert"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    done = bundle(*arguments, path=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 2
    assert done.stderr == f"bundle.sh: {line}\n"


def test_without_the_commands_it_says_what_to_activate() -> None:
    done = bundle("emotion-fer2013", __file__, path="/usr/bin:/bin")
    assert done.returncode == 2
    assert "is not on the PATH: activate the environment of ./setup.sh train" in done.stderr


STUB = """#!/bin/bash
# Converts a text by writing what it was made of; says what it is told to of a comparison.
declare -A of
for ((i = 3; i <= $#; i++)); do [[ ${!i} == --* ]] && next=$((i + 1)) && of[${!i}]=${!next}; done
case "${0##*/} $1" in
    "mien-convert to-int8") echo "int8 of $(cat "$2")" >"${of[--out]}" ;;
    "mien-convert package") cp "$2" "${of[--out]}" ;;
    "mien-convert verify") echo "verified $(cat "$2") against $(cat "${of[--against]}")" ;;
    "mien-train calibrate")
        if [[ -n ${of[--same-as]} ]]; then exit "$VERDICT"; fi
        mkdir -p "${of[--out]}" && echo "scaled $(cat "$2")" >"${of[--out]}/model.keras" ;;
esac
"""


@pytest.mark.parametrize(
    ("verdict", "parent", "line"),
    [
        (0, "scaled trained", "emotion: packaged with that temperature"),
        (3, "trained", "emotion: packaged without that temperature"),
        (2, None, ""),
    ],
    ids=["truer", "no truer", "broken"],
)
def test_the_file_with_the_truer_scores_ships_beside_its_own_parent(
    verdict: int, parent: str | None, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mien-train", "mien-convert"):
        (tmp_path / name).write_text(STUB)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "runs" / "emotion").mkdir(parents=True)
    (tmp_path / "runs" / "emotion" / "model.keras").write_text("trained\n")
    (tmp_path / "data.npz").touch()
    monkeypatch.setenv("VERDICT", str(verdict))
    out = tmp_path / "out"
    words = ["emotion", str(tmp_path / "data.npz"), str(tmp_path / "runs"), str(out)]
    done = bundle(*words, path=f"{tmp_path}:{os.environ['PATH']}")
    if parent is None:
        assert done.returncode == verdict
        assert not out.exists(), "nothing ships of what could not be compared"
        return
    assert done.returncode == 0, done.stderr
    (told,) = [text for text in done.stdout.splitlines() if text.startswith("emotion: ")]
    assert told.startswith(line)
    assert f"verified int8 of {parent} against {parent}" in done.stdout
    shipped = {path.name: path.read_text().strip() for path in out.iterdir()}
    assert shipped == {"emotion.tflite": f"int8 of {parent}", "emotion.keras": parent}


@pytest.mark.parametrize("name", bundled_models())
def test_a_bundled_model_is_whole_int8_and_keeps_what_its_conversion_cost(name: str) -> None:
    package = read_package(model_path(name))
    report = audit(read_graph(package.flatbuffer, name))
    assert report.problems == ()
    assert report.float_tensors == ()
    assert report.parameters == package.manifest.parameters
    assert [step for step in report.not_accelerated if not step.startswith("QUANTIZE")] == []
    assert model_path(name).stat().st_size <= 1_000_000
    conversion = package.manifest.metrics["conversion"]
    assert conversion["n"] > 3000
    assert conversion["agreement"] >= 0.97
    assert conversion["float_accuracy"] - conversion["int8_accuracy"] <= 0.003


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures that nobody owns: the demo's face in the lights and poses of its script, turned, blurred and
    hidden in part, until a model no longer says the same of all of them.
    """
    folder = tmp_path_factory.mktemp("faces")
    scene, rng = demo.Scene(SourceConfig()), np.random.default_rng(3)
    for file, number in enumerate([*range(30, 110)] * 2):
        box = demo.expected(number)
        assert box is not None
        face = crop_face(scene.render(number), box, FER_CROP)[:, :, 0]
        turn = cv2.getRotationMatrix2D((24, 24), float(rng.uniform(-60, 60)), float(rng.uniform(0.8, 1.4)))
        turned = cv2.warpAffine(face, turn, (48, 48), borderMode=cv2.BORDER_REPLICATE)
        turned[: rng.integers(0, 30)] = rng.integers(0, 255)
        smooth = cv2.GaussianBlur(turned, (0, 0), float(rng.uniform(0.3, 3)))
        cv2.imwrite(str(folder / f"{file:03}.png"), smooth)
    return folder


@pytest.mark.parametrize("name", bundled_models())
def test_a_bundled_model_agrees_with_its_float_parent(name: str, faces: Path) -> None:
    parent = ROOT / "training" / "parents" / f"{name}.keras"
    limits = ["--min-agreement", str(AGREEMENT[name])]
    command = ["verify", str(model_path(name)), "--against", str(parent), "--data", str(faces), *limits, "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "converters.cli", *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    verdict = json.loads(done.stdout)
    assert verdict["n"] == 160
    assert verdict["failures"] == []
    (logits,) = verdict["outputs"]
    assert logits["sqnr_db"] > 25, "a parent whose logits have another temperature shows as noise"
    assert verdict["agreement"] >= AGREEMENT[name]
