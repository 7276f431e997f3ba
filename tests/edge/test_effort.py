"""Doing less under load and heat: in one order, not at once, and back again later than it went."""

from __future__ import annotations

import pytest

from edge.config import AdaptConfig
from edge.effort import DOWN_AFTER_S, STEPS, UP_AFTER_S, Effort, Plan

FPS = 10.0


class Day:
    """Feeds an effort frame by frame."""

    def __init__(self, **settings: object) -> None:
        self.effort = Effort(AdaptConfig(**settings))  # type: ignore[arg-type]
        self.time_s = 100.0

    def work(self, seconds: float, load: float, *, fps: float = FPS) -> tuple[str, ...]:
        for _ in range(round(seconds * fps)):
            self.time_s += 1 / fps
            self.effort.worked(self.time_s, load / fps)
        return self.effort.reduced


def test_nothing_is_reduced_while_there_is_time() -> None:
    assert Day().work(600, 0.8) == ()


def test_under_load_one_step_after_the_other_is_taken_in_the_defined_order() -> None:
    day = Day()
    assert day.work(UP_AFTER_S - 0.5, 1.0) == ()
    for taken in range(1, len(STEPS) + 1):
        assert day.work(UP_AFTER_S + 0.5, 1.0)[:taken] == STEPS[:taken]
    assert day.work(600, 1.0) == STEPS


def test_a_short_peak_reduces_nothing() -> None:
    day = Day()
    for _ in range(20):
        day.work(2.0, 1.0)
        assert day.work(5.0, 0.5) == ()


def test_steps_are_taken_back_one_by_one_where_there_is_time_to_spare() -> None:
    day = Day()
    day.work(60, 1.0)
    assert day.work(DOWN_AFTER_S - 2, 0.1) == STEPS
    for left in range(len(STEPS) - 1, -1, -1):
        assert day.work(DOWN_AFTER_S, 0.1) == STEPS[:left]


def test_what_is_neither_too_much_nor_to_spare_changes_nothing_so_that_it_does_not_swing() -> None:
    day = Day(max_load=0.8)
    day.work(2 * UP_AFTER_S, 1.0)
    reduced = day.effort.reduced
    assert reduced
    assert day.work(600, 0.5) == reduced


@pytest.mark.parametrize(
    ("taken", "plan"),
    enumerate([Plan(1, 4, 1), Plan(2, 4, 1), Plan(4, 4, 1), Plan(4, 1, 1), Plan(4, 1, 2), Plan(4, 1, 4)]),
)
def test_each_step_changes_one_thing(taken: int, plan: Plan) -> None:
    day = Day()
    while len(day.effort.reduced) < taken:
        day.work(0.1, 1.0)
    assert day.effort.plan == plan


def test_heat_reduces_whatever_the_load_until_it_is_cooler_by_some_degrees() -> None:
    day = Day(hot_celsius=78.0, max_load=0.0)
    day.effort.heat(79.0, throttled=False)
    assert day.work(2 * UP_AFTER_S, 0.1)
    day.effort.heat(75.0, throttled=False)
    hot = day.effort.reduced
    assert len(day.work(2 * UP_AFTER_S, 0.1)) > len(hot), "still counted as hot"
    day.effort.heat(72.0, throttled=False)
    assert day.work(len(STEPS) * DOWN_AFTER_S + 5, 0.1) == ()


def test_throttling_counts_as_heat_even_where_no_temperature_is_known() -> None:
    day = Day()
    day.effort.heat(None, throttled=True)
    assert day.work(2 * UP_AFTER_S, 0.1)
    day.effort.heat(None, throttled=False)
    assert day.work(len(STEPS) * DOWN_AFTER_S + 5, 0.1) == ()


def test_it_can_be_switched_off() -> None:
    day = Day(max_load=0.0, hot_celsius=0.0)
    day.effort.heat(110.0, throttled=True)
    assert day.work(600, 1.0) == ()


def test_a_clock_that_steps_neither_reduces_nor_ends_it() -> None:
    day = Day()
    day.work(10, 0.5)
    for step_s in (3600.0, -3600.0, 1.7e9, -1.7e9):
        day.time_s += step_s
        assert day.work(10, 0.5) == ()
