"""/metrics as Prometheus' own parsers read it: names, types, units, and what each says."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse
from web_client import ask, happened, next_picture, reading, serving, watch

from edge.core import Waiting
from edge.messages import Phase
from edge.model.package import DEFAULT_MODEL
from edge.sinks.web import WebSink
from edge.sinks.web.metrics import BUCKETS

DOCS = Path(__file__).resolve().parents[3] / "docs" / "METRICS.md"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def sink() -> Iterator[WebSink]:
    with serving() as sink:
        yield sink


def scrape(sink: WebSink, accept: str = "text/plain") -> str:
    with ask(sink, "/metrics", headers={"Accept": accept}) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith(accept.partition(";")[0])
        return answer.read().decode()


def families(sink: WebSink) -> dict[str, Metric]:
    return {family.name: family for family in parse(scrape(sink))}


def values(family: Metric) -> dict[tuple[str, ...], float]:
    """By the labels' values, of the samples that carry the family's own value."""
    return {
        tuple(sample.labels.values()): sample.value
        for sample in family.samples
        if not sample.name.endswith(("_created", "_bucket", "_sum", "_count"))
    }


def test_both_forms_are_read_by_prometheus_own_parsers(sink: WebSink) -> None:
    sink.publish(reading(1, happened("appeared")))
    plain = {family.name.removesuffix("_info") for family in parse(scrape(sink))}
    open_ones = {family.name for family in parse_openmetrics(scrape(sink, OPENMETRICS))}
    assert {name for name in plain if name.startswith("mien_")} == {
        name for name in open_ones if name.startswith("mien_")
    }
    assert {"process_cpu_seconds", "process_resident_memory_bytes", "process_start_time_seconds"} <= open_ones


def test_promtool_finds_nothing_to_complain_of(sink: WebSink) -> None:
    promtool = shutil.which("promtool") or pytest.skip("promtool is not installed")
    sink.core.stages.add("detect", 0.01)
    sink.publish(reading(1, happened("appeared")))
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=scrape(sink), capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_frames_faces_and_events_are_counted(sink: WebSink) -> None:
    sink.core.counts.frames, sink.core.counts.dropped = 31, 4
    sink.core.counts.sink_failures["MqttSink"] = 2
    sink.publish(reading(1, happened("appeared"), happened("state")))
    sink.publish(reading(2, happened("changed"), happened("left"), happened("state")))
    found = families(sink)
    assert values(found["mien_frames"]) == {(): 31}
    assert values(found["mien_frames_dropped"]) == {(): 4}
    assert values(found["mien_faces_seen"]) == {(): 1}
    assert values(found["mien_faces"]) == {("happiness",): 1, ("undecided",): 0}
    assert values(found["mien_events"]) == {
        ("face_appeared",): 1, ("emotion_changed",): 1, ("face_left",): 1, ("state",): 2,
    }  # fmt: skip
    assert values(found["mien_sink_failures"]) == {("MqttSink",): 2}


def test_an_emotion_that_was_there_stays_as_zero(sink: WebSink) -> None:
    sink.publish(reading(1))
    assert values(families(sink)["mien_faces"])["happiness",] == 1
    sink._hub._moment = None
    assert values(families(sink)["mien_faces"])["happiness",] == 0


def test_stages_are_histograms_in_seconds(sink: WebSink) -> None:
    for seconds in (0.0005, 0.004, 9.0):
        sink.core.stages.add("detect", seconds)
        sink.core.stages.add("latency", seconds)
    found = families(sink)
    stages = found["mien_stage_duration_seconds"]
    assert stages.type == "histogram"
    detect = [sample for sample in stages.samples if sample.labels["stage"] == "detect"]
    buckets = {sample.labels["le"]: sample.value for sample in detect if sample.name.endswith("_bucket")}
    assert tuple(buckets) == BUCKETS
    assert (buckets["0.0002"], buckets["0.001"], buckets["0.005"], buckets["5.0"]) == (0, 1, 2, 2)
    assert buckets["+Inf"] == 3
    assert {sample.name: sample.value for sample in detect}["mien_stage_duration_seconds_sum"] == 9.0045
    assert {sample.labels["stage"] for sample in stages.samples} >= {"capture", "detect", "classify", "publish"}
    counts = [sample.value for sample in found["mien_latency_seconds"].samples if sample.name.endswith("_count")]
    assert counts == [3]


def test_phase_privacy_and_the_model_are_told(sink: WebSink) -> None:
    sink.core.state.enter(Phase.RUNNING)
    found = families(sink)
    assert values(found["mien_phase"])["running",] == 1
    assert sum(values(found["mien_phase"]).values()) == 1
    assert values(found["mien_phases_entered"])["running",] == 1
    assert values(found["mien_privacy_on"]) == {(): 0}
    sink.core.privacy.set(on=True, by="test")
    assert values(families(sink)["mien_privacy_on"]) == {(): 1}
    (model,) = found["mien_model_info"].samples
    assert (model.labels, model.value) == ({"name": DEFAULT_MODEL, "version": "1"}, 1)


def test_a_model_that_is_swapped_while_it_runs_is_told(sink: WebSink) -> None:
    with watch(sink) as viewer:
        sink.core.model.name, sink.core.model.version = "another", "2"
        sink.publish(reading(1))
        assert next_picture(viewer)[0]["model"] == "another"
    (model,) = families(sink)["mien_model_info"].samples
    assert model.labels == {"name": "another", "version": "2"}


def test_queues_are_looked_at_when_asked(sink: WebSink) -> None:
    sink.core.queues["mqtt"] = lambda: Waiting(3, 1000, 7)
    found = families(sink)
    assert values(found["mien_queue_length"]) == {("mqtt",): 3}
    assert values(found["mien_queue_capacity"]) == {("mqtt",): 1000}
    assert values(found["mien_queue_dropped"]) == {("mqtt",): 7}


def test_temperature_and_throttling_are_told_where_the_board_tells(sink: WebSink) -> None:
    vitals = sink._vitals
    vitals._looked_s, vitals.celsius, vitals.throttled = vitals._clock() + 1e6, None, None
    assert not {"mien_temperature_celsius", "mien_throttled"} & set(families(sink))
    vitals.celsius, vitals.throttled = 61.5, ("undervoltage",)
    found = families(sink)
    assert values(found["mien_temperature_celsius"]) == {(): 61.5}
    throttled = values(found["mien_throttled"])
    assert throttled["undervoltage",] == 1
    assert sum(throttled.values()) == 1


def test_names_follow_the_rules_and_each_is_described(sink: WebSink) -> None:
    text = DOCS.read_text()
    for name, family in families(sink).items():
        assert family.documentation
        if name.startswith("mien_"):
            exposed = f"{name}_total" if family.type == "counter" else name
            assert f"`{exposed}" in text, f"{exposed} is missing in {DOCS.name}"
            assert not re.search(r"_(ms|percent|mb|count|sum|bucket)$", name)


def test_restarts_are_told_where_starts_are_counted(sink: WebSink) -> None:
    assert "mien_restarts" not in families(sink)
    sink.core.counts.starts = 4
    assert values(families(sink)["mien_restarts"]) == {(): 3}
