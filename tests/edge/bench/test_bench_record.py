"""Every time is kept, a frame at a time."""

from __future__ import annotations

import pytest

from edge.bench.record import CURVE, END_TO_END, Recorder, curve, timing
from edge.stages import LATENCY


class Watch:
    """A clock that is set."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def pass_stage(recorder: Recorder, watch: Watch, stage: str, seconds: float) -> None:
    mark = recorder.now()
    watch.now_s += seconds
    recorder.passed(stage, mark)


def frame(recorder: Recorder, watch: Watch, *stages: tuple[str, float]) -> None:
    for stage, seconds in (("capture", 1.0), *stages, ("publish", 0.5)):
        pass_stage(recorder, watch, stage, seconds)


def test_what_faces_take_is_summed_over_a_frame() -> None:
    watch = Watch()
    recorder = Recorder(watch)
    frame(recorder, watch, ("crop", 1.0), ("classify", 2.0), ("crop", 3.0), ("classify", 4.0))
    assert recorder.times["crop"] == [4.0]
    assert recorder.times["classify"] == [6.0]
    assert recorder.times["detect"] == []


def test_end_to_end_is_from_asking_to_the_end_of_publication_gaps_included() -> None:
    watch = Watch()
    recorder = Recorder(watch)
    mark = recorder.now()
    watch.now_s += 1.0
    recorder.passed("capture", mark)
    watch.now_s += 0.25  # in no stage
    pass_stage(recorder, watch, "publish", 0.5)
    assert recorder.times[END_TO_END] == [1.75]


def test_a_frame_that_was_not_published_does_not_count() -> None:
    watch = Watch()
    recorder = Recorder(watch)
    pass_stage(recorder, watch, "capture", 1.0)
    pass_stage(recorder, watch, "detect", 9.0)
    frame(recorder, watch, ("detect", 2.0))
    assert recorder.times["detect"] == [2.0]
    assert recorder.times[END_TO_END] == [3.5]


def test_the_warm_up_is_forgotten_and_the_services_histograms_go_on() -> None:
    watch = Watch()
    recorder = Recorder(watch)
    frame(recorder, watch, ("detect", 2.0))
    recorder.begin()
    frame(recorder, watch, ("detect", 3.0))
    recorder.add(LATENCY, 0.125)
    assert recorder.times["detect"] == [3.0]
    assert recorder.times[LATENCY] == [0.125]
    assert recorder.totals()["detect"].count == 2


def test_percentiles_are_times_that_were_measured() -> None:
    found = timing([n / 1000 for n in range(1, 101)])
    assert (found.n, found.p50_ms, found.p90_ms, found.p95_ms, found.p99_ms, found.max_ms) == (
        100,
        50,
        90,
        95,
        99,
        100,
    )
    alone = timing([0.002])
    assert (alone.p50_ms, alone.p99_ms, alone.max_ms) == (2, 2, 2)


def test_a_curve_rises_from_the_least_to_the_most() -> None:
    found = curve([0.003, 0.001, 0.002])
    assert len(found) == len(CURVE)
    assert (found[0], found[-1]) == (1, 3)
    assert found == sorted(found)


def test_no_times_have_no_percentiles() -> None:
    with pytest.raises((ValueError, IndexError)):
        timing([])
