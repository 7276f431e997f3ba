"""Histograms that every frame feeds: exact counts, bounded size, buckets as Prometheus wants them."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.stages import BOUNDS_S, LATENCY, STAGES, Histogram, Stages


def test_buckets_are_cumulative_and_a_bound_belongs_to_its_own() -> None:
    histogram = Histogram()
    for seconds in (BOUNDS_S[0], BOUNDS_S[0] / 2, BOUNDS_S[1], BOUNDS_S[-1] + 1):
        histogram.add(seconds)
    totals = histogram.totals()
    assert totals.buckets[:2] == (2, 3)
    assert totals.buckets[-2:] == (3, 4)
    assert totals.count == 4


@settings(deadline=None)  # a busy machine
@given(st.lists(st.floats(0, 100)))
def test_every_duration_is_counted_once_and_summed(durations: list[float]) -> None:
    histogram = Histogram()
    for seconds in durations:
        histogram.add(seconds)
    totals = histogram.totals()
    assert totals.count == totals.buckets[-1] == len(durations)
    assert math.isclose(totals.sum_s, math.fsum(durations), rel_tol=1e-9, abs_tol=1e-9)
    assert histogram.count_and_sum_s() == (totals.count, totals.sum_s)
    for bound, below in zip(BOUNDS_S, totals.buckets, strict=False):
        assert below == sum(seconds <= bound for seconds in durations)


def test_a_clock_that_was_set_back_gives_no_negative_time() -> None:
    histogram = Histogram()
    histogram.add(-3600)
    assert (histogram.totals().count, histogram.totals().sum_s) == (1, 0)


def test_a_stage_ends_where_the_next_one_begins() -> None:
    now_s = 0.0
    stages = Stages(lambda: now_s)
    mark = stages.now()
    now_s = 0.010
    mark = stages.passed("detect", mark)
    now_s = 0.013
    stages.passed("track", mark)
    totals = stages.totals()
    assert totals["detect"].sum_s == 0.010
    assert math.isclose(totals["track"].sum_s, 0.003)
    assert set(totals) == {*STAGES, LATENCY}


def test_quantiles_are_upper_ends_of_buckets() -> None:
    histogram = Histogram()
    assert histogram.totals().quantile_s(0.5) == 0
    for _ in range(95):
        histogram.add(0.004)
    for _ in range(5):
        histogram.add(9)
    assert histogram.totals().quantile_s(0.5) == 0.005
    assert histogram.totals().quantile_s(0.99) == math.inf
