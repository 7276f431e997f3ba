"""docs/BENCHMARKS.md is what its command writes; the conversion for Arm is arithmetic that can be checked."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from edge.bench.result import schema_text

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"
sys.path.insert(0, str(ROOT / "tests/edge/bench"))
from bench_results import result  # noqa: E402


@pytest.fixture
def arm(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("arm")


@pytest.fixture
def tables(arm: ModuleType) -> ModuleType:
    return importlib.import_module("tables")


def test_the_page_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "page.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_schema_is_the_codes_own() -> None:
    assert (BENCHMARKS / "schema.json").read_text() == schema_text()


def test_its_pictures_are_there() -> None:
    page = (ROOT / "docs/BENCHMARKS.md").read_text()
    assert "images/benchmarks-arm.png" in page
    assert (ROOT / "docs/images/benchmarks-arm.png").stat().st_size > 10_000


def test_a_peer_is_known_by_its_network(arm: ModuleType) -> None:
    found = arm.mobilenet_v2()
    assert sum(found.values()) == pytest.approx(300.8e6, rel=0.001), "the paper's 300 M"


def test_time_is_instructions_over_clock_and_instructions_a_cycle(arm: ModuleType) -> None:
    least, most = arm.CORES["a53"].per_cycle
    low, high = arm.estimate_ms(1.2e6, "a53", 1.0)
    assert (low, high) == (pytest.approx(1.2 / most), pytest.approx(1.2 / least))
    assert arm.estimate_ms(1.2e6, "a53", 2.0)[0] == pytest.approx(low / 2)
    assert all(0 < core.per_cycle[0] < core.per_cycle[1] for core in arm.CORES.values())


def test_no_estimate_is_faster_than_the_limit(arm: ModuleType, tables: ModuleType) -> None:
    models = json.loads(tables.INSTRUCTIONS.read_text())["models"]
    for name, figures in models.items():
        adds = tables.model_multiply_adds(name)
        for core, instructions in figures.items():
            assert arm.estimate_ms(instructions, core)[0] > arm.limit_ms(adds, core)


def test_every_published_figure_lies_within_its_range(arm: ModuleType) -> None:
    for figure in arm.published():
        low, high = arm.range_of(figure)
        assert low <= figure.ms <= high, figure.what


def test_a_result_is_a_line_and_its_marks_are_told(tables: ModuleType) -> None:
    text = tables.results_part(
        [("pi-5", result([2.0] * 5)), ("old", result([4.0] * 5, marks=("interrupted: so",)))]
    )
    lines = text.splitlines()
    assert lines[2].startswith("| [pi-5](../benchmarks/results/pi-5.json) | Raspberry Pi 5 Model B | ")
    assert "[old](../benchmarks/results/old.json)*" in lines[3]
    assert "- \\* old: interrupted: so" in lines
    assert tables.results_part([]) == "None yet.\n"


def test_programs_are_told_in_times_of_mien(tables: ModuleType) -> None:
    def program(ms: float) -> dict:
        right = {"portrait": {"n": 8, "share": 1.0, "share_of_found": 1.0}}
        sums = {"start_s": 0.5, "rss_bytes": 80_000_000, "installed_bytes": 300_000_000}
        return {"ms": ms, "cpu_ms": 2 * ms, "found": 1.0, "false_boxes": 0, "right": right, **sums}

    told = {
        "scene": "640x480-1 of mien bench", "pictures": 8, "detector": "made-up", "model": "emotion",
        "processor": "x", "made_at": "2026-01-31T18:00:00+00:00", "marks": [],
        "programs": {"mien": program(2.0), "other": program(90.0)},
    }  # fmt: skip
    assert "| `other` | 90.0 | 45.0 | 180 | 45.0 | 100 % | 0 | 100.0 % | 0.50 | 80 | 300 |" in tables.peers_part(
        [told]
    )
    assert tables.peers_part([]) == "None yet.\n"
