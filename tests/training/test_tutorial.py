"""The tutorial runs from its first cell to its last, and teaches what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tensorflow")
pytest.importorskip("matplotlib")

NOTEBOOK = Path(__file__).parents[2] / "training" / "tutorial.ipynb"
CHECK = """
assert measured.all.accuracy > 0.5, measured.all.accuracy
assert abs(measured.all.accuracy - int8.all.accuracy) < 0.1
assert right > len(LOOKS) // 2, said
print("the whole tutorial ran")
"""


def cells(kind: str) -> list[str]:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind]


def test_every_cell_runs_in_order(tmp_path: Path) -> None:
    script = tmp_path / "tutorial.py"
    script.write_text("\n\n".join([*cells("code"), CHECK]), encoding="utf-8")
    surroundings = {**os.environ, "MPLBACKEND": "Agg", "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, script],
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
        cwd=NOTEBOOK.parents[1],
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert done.stdout.endswith("the whole tutorial ran\n")


def test_it_says_that_its_data_are_a_toy_and_brings_no_outputs_of_another_run() -> None:
    assert any("toy" in text for text in cells("markdown"))
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert not any(cell.get("outputs") for cell in notebook["cells"])
