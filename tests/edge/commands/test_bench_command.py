"""`mien bench` as it is typed: what it prints, writes and draws, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from edge.bench.result import as_json, read_result
from edge.bench.scenes import make_scene
from edge.cli import cli
from edge.model.package import model_path, unpack
from edge.stages import STAGES

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
from bench_results import result

MIEN = [sys.executable, "-m", "edge.cli"]
QUICK = ["bench", "--anyway", "--rounds", "1", "--seconds", "0.05"]
ONE = [*QUICK, "--scene", "320x240-1", "--starts", "0"]


def mien(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MIEN, *arguments], capture_output=True, text=True, timeout=300, check=False, env=os.environ | variables
    )


def said(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_a_run_is_printed_written_and_drawn(tmp_path: Path) -> None:
    out, plot = tmp_path / "a.json", tmp_path / "a.png"
    options = ["--scene", "320x240-0", "--scene", "320x240-1", "--starts", "1", "--set", "web.enabled=false"]
    done = mien(*QUICK, *options, "--out", str(out), "--plot", str(plot))
    assert done.returncode == 0, done.stderr
    found = read_result(out)
    assert found.complete
    assert [scene.name for scene in found.scenes] == ["320x240-0", "320x240-1"]
    assert found.headline == "320x240-1", "the headline scene was not asked for"
    assert set(found.stages) == set(STAGES)
    assert found.scenes[1].found == 1.0
    assert found.start_s is not None
    assert found.rss_bytes is not None
    assert any(mark.startswith("shorter than the rules ask") for mark in found.marks)
    assert str(tmp_path) not in out.read_text(), "where files lie is nobody's affair"
    for word in ("320x240-1", "start to first line", "NOT BY THE RULES: shorter than the rules ask"):
        assert word in done.stdout
    assert "mien bench: rounds (2)" in done.stderr
    picture = cv2.imread(str(plot))
    assert picture is not None
    assert picture.std() > 10


def test_json_alone_is_printed_for_machines() -> None:
    done = mien(*ONE, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told["stages"]["detect"]) >= {"p50_ms", "p90_ms", "p95_ms", "p99_ms", "max_ms"}
    assert told["end_to_end"]["n"] >= 10


def test_the_settings_are_those_of_the_command_line() -> None:
    done = mien(*ONE, "--json", "--threads", "2", "--model", "emotion-fer2013", "--set", "detect.width_px=200")
    told = json.loads(done.stdout)
    assert (told["threads"]["classify"], told["model"]["name"]) == (2, "emotion-fer2013")
    assert told["settings"]["detect"]["width_px"] == 200


def test_a_live_source_is_measured_from_the_sensors_time_stamp() -> None:
    done = mien(*QUICK, "--live", "--set", "source.kind=demo", "--set", "source.fps=60", "--starts", "0", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["headline"] == "live"
    assert told["scenes"][0]["size"] == [640, 480]
    assert told["scenes"][0]["faces"] is None


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupted_run_keeps_and_marks_what_there_is(tmp_path: Path, asked: signal.Signals) -> None:
    out = tmp_path / "part.json"
    command = [*MIEN, "bench", "--anyway", "--rounds", "100", "--seconds", "0.05", "--scene", "320x240-0"]
    with subprocess.Popen(
        [*command, "--starts", "0", "--out", str(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while not out.exists():  # written after the first round
            assert process.poll() is None, process.communicate()
        assert not read_result(out).complete
        process.send_signal(asked)
        printed, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert "NOT BY THE RULES: interrupted" in printed
    found = read_result(out)
    assert not found.complete
    assert 1 <= len(found.scenes[0].rounds_p50_ms) < 100


def test_accuracy_comes_from_the_same_command(tmp_path: Path) -> None:
    for name in ("happy", "sad"):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "1.png"), make_scene("640x480-1").pictures[0])
    done = mien("bench", "--accuracy", str(tmp_path), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["accuracy"]
    assert (told["n"], told["found"], told["accuracy"], told["data"]) == (2, 2, 0.5, tmp_path.name)
    assert "of 2 right" in mien("bench", "--anyway", "--accuracy", str(tmp_path)).stdout


def without_manifest(folder: Path) -> list[str]:
    bare = folder / "bare.tflite"
    bare.write_bytes(unpack(model_path("emotion").read_bytes(), "")[0])
    return ["--model", str(bare)]


def private(folder: Path) -> list[str]:
    (folder / "mien").mkdir()
    (folder / "mien/privacy.json").write_text('{"on": true, "by": "test", "at": 0}')
    return ["--live", "--set", "source.kind=demo"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (lambda _: ["--live", "--set", "source.kind=v4l2", "--set", "source.path=/dev/none"], "/dev/none"),
        (private, "privacy is on: the camera stays closed"),
        (without_manifest, "truncated, altered or not packaged (mien-convert package)"),
        (lambda _: ["--model", "nowhere"], "nowhere: no bundled model of this name"),
        (lambda _: ["--scene", "1x1-1"], "--scene 1x1-1: must be one of 320x240-0, "),
        (lambda _: ["--plot", "a.jpg"], "--plot a.jpg: must end in .png"),
        (lambda _: ["--runtime", "torch"], "--runtime torch: must be one of ai-edge-litert, tflite-runtime"),
        (lambda folder: ["--accuracy", str(folder / "none")], "none: no such file or folder"),
        (lambda folder: [*ONE[1:], "--out", str(folder / "none/a.json")], "none/a.json: cannot be written: "),
    ],
)
def test_what_cannot_be_measured_is_one_line_and_status_2(
    tmp_path: Path, options: Callable[[Path], list[str]], reason: str
) -> None:
    done = mien("bench", "--anyway", *options(tmp_path), XDG_STATE_HOME=str(tmp_path), STATE_DIRECTORY="")
    assert done.returncode == 2, done.stdout
    assert reason in done.stderr
    assert [line for line in done.stderr.splitlines() if not line.startswith("mien")] == []


def test_a_picture_without_matplotlib_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "matplotlib.py").write_text("raise ImportError('shut out')")
    done = mien(*ONE, "--plot", "a.png", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "mien: matplotlib is not installed: pip install 'mien[plot]'\n"


def test_results_are_compared_in_a_table_and_a_picture(tmp_path: Path) -> None:
    for name, rounds in (("a", [10.0] * 5), ("b", [20.0] * 5), ("c", [200.0] * 5)):
        (tmp_path / f"{name}.json").write_bytes(as_json(result(rounds)))
    files = [str(tmp_path / f"{name}.json") for name in "abc"]
    done = said("bench", "compare", *files, "--plot", str(tmp_path / "c.png"))
    assert done.exit_code == 0, done.output
    assert [line.split()[-1] for line in done.output.splitlines()[1:4]] == ["reference", "slower", "slower"]
    picture = cv2.imread(str(tmp_path / "c.png"))
    assert picture is not None
    assert np.unique(picture.reshape(-1, 3), axis=0).shape[0] > 20


@pytest.mark.parametrize("content", [None, "", "{}", '{"format": "mien-peers"}', "mien"])
def test_a_missing_or_foreign_file_is_one_line_and_status_2(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "foreign.json"
    if content is not None:
        path.write_text(content)
    done = mien("bench", "compare", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"mien: {path}: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_comparison_needs_a_file() -> None:
    assert said("bench", "compare").exit_code == 2
