"""Files of results: read strictly, compared with care."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from bench_results import result, scene

from edge.bench.compare import as_text, compare, names
from edge.bench.result import Result, as_json, read_result, write_result
from edge.bench.scenes import WORKLOAD
from edge.errors import ConfigError, SinkError, SourceError

CALM = [10.0, 10.1, 10.2, 10.1, 10.0]
ROOT = Path(__file__).resolve().parents[3]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path, told = tmp_path / "a.json", result(CALM)
    write_result(path, told)
    assert read_result(path) == told
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_a_file_has_the_promised_keys() -> None:
    told = json.loads(as_json(result(CALM)))
    for timing in (*told["stages"].values(), told["end_to_end"]):
        assert set(timing) >= {"p50_ms", "p90_ms", "p95_ms", "p99_ms", "max_ms"}
    assert set(told) >= {"rss_bytes", "start_s", "machine", "model", "settings", "before", "after", "marks"}


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"none/a\.json: cannot be written: No such file"):
        write_result(tmp_path / "none" / "a.json", result(CALM))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no result of mien bench: "),
        (b"\xff\xfe", "no result of mien bench: "),
        (b"[]", "no result of mien bench: Expected `object`"),
        (b'{"type": "state"}', "no result of mien bench: Object "),
        (b'{"format": "mien-peers"}', "no result of mien bench: Invalid enum value 'mien-peers'"),
    ],
)
def test_a_foreign_file_is_refused_in_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "foreign.json"
    path.write_bytes(content)
    with pytest.raises(SourceError) as raised:
        read_result(path)
    assert str(raised.value).startswith(f"{path}: {reason}")
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a\.json: cannot be read: No such file"):
        read_result(tmp_path / "a.json")


def test_another_workload_is_never_compared(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    write_result(path, result(CALM, workload=WORKLOAD + 1))
    with pytest.raises(SourceError, match=f"made with workload {WORKLOAD + 1}, this is {WORKLOAD}"):
        read_result(path)


def test_the_committed_results_can_be_read() -> None:
    for path in (ROOT / "benchmarks/results").glob("*.json"):
        assert isinstance(read_result(path), Result)


@pytest.mark.parametrize(
    ("first", "second", "fields", "verdict"),
    [
        (CALM, [9.0, 9.1, 9.2, 9.0, 9.9], {}, "faster"),
        (CALM, [11.0, 10.3, 12.0, 11.0, 11.0], {}, "slower"),
        (CALM, [10.2, 11.0, 12.0, 11.0, 11.0], {}, "within noise"),
        (CALM, CALM, {}, "within noise"),
        (CALM[:3], [20.0] * 3, {}, "too few rounds"),
        (CALM[:4], [20.0] * 4, {}, "slower"),
        (
            CALM,
            [20.0] * 5,
            {"marks": ("busy while it ran: others kept 1.00 processors at work",)},
            "not comparable",
        ),
        (CALM, [20.0] * 5, {"marks": ("throttled while it ran: throttled",)}, "not comparable"),
        (CALM, [20.0] * 5, {"marks": ("interrupted: only what was measured by then",)}, "slower"),
    ],
)
def test_a_difference_within_noise_is_none(
    first: list[float], second: list[float], fields: dict, verdict: str
) -> None:
    lines = compare([("a", result(first)), ("b", result(second, **fields))])
    assert [line.verdict for line in lines] == ["reference", verdict]
    assert lines[1].ratio == pytest.approx(sorted(second)[len(second) // 2] / sorted(first)[len(first) // 2])


def test_the_table_says_what_may_make_the_difference_and_what_was_wrong() -> None:
    marked = result([20.0] * 5, detector="another", marks=("interrupted: only what was measured by then",))
    text = as_text(compare([("before", result(CALM)), ("after", marked)]))
    assert "2.00" in text
    assert "detector another" in text
    assert "after: not by the rules: interrupted: only what was measured by then" in text


def test_another_scene_is_compared_on_request_and_must_be_in_all() -> None:
    both = result(CALM, scenes=(scene(CALM), scene([2.0] * 5, "320x240-0")))
    assert compare([("a", both), ("b", both)], "320x240-0")[1].scene.end_to_end.p50_ms == 2.0
    with pytest.raises(ConfigError, match=r"b: scene 320x240-0 was not measured \(there are: 640x480-1\)"):
        compare([("a", both), ("b", result(CALM))], "320x240-0")
    with pytest.raises(ConfigError, match=r"there are: none"):
        compare([("a", result(CALM, scenes=()))])


def test_names_tell_files_apart() -> None:
    assert names(["x/a.json", "y/b.json"]) == ["a", "b"]
    assert names(["x/a.json", "y/a.json"]) == ["x/a.json", "y/a.json"]


def test_a_result_survives_its_own_schema() -> None:
    schema = msgspec.json.schema(Result)
    told = json.loads(as_json(result(CALM)))
    (definition,) = (body for name, body in schema["$defs"].items() if name == "Result")
    assert set(definition["required"]) <= set(told) <= set(definition["properties"])
