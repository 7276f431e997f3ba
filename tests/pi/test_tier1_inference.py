"""Tier 1: Mien in an arm64 Debian, as the processor of each Pi, gives what it gives here, bit for bit."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from count import ASSETS, bundled
from emulated import HERE, PROCESSORS, run_python, run_script

from edge.model.interpreter import find_runtime

pytestmark = pytest.mark.pi
PORTRAIT = ASSETS / "portrait.jpg"
RUNS = 5
VERSIONS = "from edge.model.interpreter import find_runtime; print(*find_runtime()[:2])"


@functools.cache
def here(*arguments: str) -> str:
    """What this machine's own Python prints."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def there(processor: str, suite: str, *arguments: str) -> str:
    """What the emulated Pi's Python prints."""
    done = run_python(processor, *arguments, suite=suite)
    assert done.returncode == 0, done.stderr
    return done.stdout


@functools.cache
def runtime(suite: str) -> list[str]:
    """Name and version of the runtime in the emulated Pi."""
    return there("a72", suite, "-c", VERSIONS).split()


@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("model", bundled().values(), ids=lambda path: path.stem)
def test_a_model_gives_the_same_bits_as_here(model: Path, processor: str, suite: str) -> None:
    # Both come from the same lock; within one version, and only there, the kernels promise the same bits.
    assert runtime(suite) == list(find_runtime()[:2])
    expected = here(str(HERE / "invoke.py"), str(model), str(RUNS)).split()
    assert len(set(expected)) == RUNS  # else nothing is compared: each input gives outputs of its own
    assert run_script(processor, "invoke.py", str(model), str(RUNS), suite=suite) == expected


@pytest.mark.parametrize("processor", PROCESSORS)
def test_predict_proves_the_golden_case_and_reads_the_portrait_as_here(processor: str, suite: str) -> None:
    command = ("-m", "edge.cli", "predict", "--jsonl", str(PORTRAIT))
    found, expected = (_faces(answer) for answer in (there(processor, suite, *command), here(*command)))
    assert len(expected) == 1
    assert [face["emotion"] for face in found] == [face["emotion"] for face in expected]
    # Boxes and softmax are floating point, whose last bits depend on the machine; a step of int8 is larger.
    for face, other in zip(found, expected, strict=True):
        assert face["box"] == pytest.approx(other["box"], abs=1)
        assert face["scores"] == pytest.approx(other["scores"], abs=2e-4)


def test_a_false_model_file_is_refused_in_one_line(suite: str, tmp_path: Path) -> None:
    content = bytearray(next(iter(bundled().values())).read_bytes())
    content[len(content) // 2] ^= 1
    altered = tmp_path / "altered.tflite"
    altered.write_bytes(content)
    done = run_python("a72", "-m", "edge.cli", "predict", "--model", str(altered), str(PORTRAIT), suite=suite)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("mien: ")
    assert done.stderr.count("\n") == 1


def _faces(answer: str) -> list[dict[str, Any]]:
    faces: list[dict[str, Any]] = json.loads(answer)["faces"]
    return faces
