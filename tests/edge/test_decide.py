"""Decisions as tables: (time, scores) in, events out."""

from datetime import UTC, datetime

import numpy as np
import pytest

from edge.config import DecideConfig
from edge.decide import Decider
from edge.messages import Box, EmotionChanged, Face, FaceAppeared, FaceLeft, Frame, Phase, State, Track

LABELS = ("anger", "happiness", "neutral")
NEUTRAL, HAPPY, ANGRY, TORN = (0.1, 0.1, 0.8), (0.1, 0.8, 0.1), (0.8, 0.1, 0.1), (0.34, 0.33, 0.33)
EPOCH_S = 1_700_000_000.0
QUIET = {"state_every_s": 0.0}


def frame(time_s: float, sequence: int = 0) -> Frame:
    return Frame(np.zeros((240, 320), np.uint8), time_s, EPOCH_S + time_s, sequence)


def track(time_s: float = 0.0, name: str = "a", since_s: float = 0.0) -> Track:
    return Track(name, Face(Box(10.4, 20, 70, 80), 0.9), since_s, time_s, hits=1, visible=True)


def play(script: list[tuple[float, tuple[float, ...] | None]], **settings: float) -> list:
    """Events of one face that is seen (scores) or missed (None) at each time."""
    decider = Decider(DecideConfig(**{**QUIET, **settings}), LABELS, "door")
    events = []
    for time_s, scores in script:
        given = {} if scores is None else {"a": np.array(scores, np.float32)}
        events += decider.decide(frame(time_s), [track(time_s)], given)[1]
    return events


def emotions(events: list) -> list[tuple[float, str, str | None]]:
    return [(e.time_s, e.emotion, e.previous) for e in events if isinstance(e, EmotionChanged)]


def steady(scores: tuple[float, ...], start_s: float, end_s: float, rate_hz: float = 10.0) -> list:
    return [(round(t, 4), scores) for t in np.arange(start_s, end_s, 1 / rate_hz)]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(steady(NEUTRAL, 0, 2), [(0.4, "neutral", None)], id="a calm face is decided once"),
        pytest.param(
            [*steady(NEUTRAL, 0, 2), (2.0, HAPPY), *steady(NEUTRAL, 2.1, 4)],
            [(0.4, "neutral", None)],
            id="one odd frame changes nothing",
        ),
        pytest.param(steady(TORN, 0, 2), [(0.4, "uncertain", None)], id="torn scores are called uncertain"),
        pytest.param([(0.0, NEUTRAL)], [], id="one frame decides nothing"),
        pytest.param([], [], id="no frame, no event"),
        pytest.param(
            [(0.0, NEUTRAL), (0.1, None), (0.2, None), (0.6, NEUTRAL)],
            [(0.6, "neutral", None)],
            id="missed frames in between do not reset the wait",
        ),
    ],
)
def test_scores_over_time_become_decisions(script: list, expected: list) -> None:
    assert emotions(play(script)) == expected


def test_a_real_change_is_noticed_after_smoothing_and_minimum_duration() -> None:
    changes = emotions(play([*steady(NEUTRAL, 0, 2), *steady(HAPPY, 2, 4)]))
    assert [(new, old) for _, new, old in changes] == [("neutral", None), ("happiness", "neutral")]
    assert 2.4 <= changes[1][0] <= 3.2


@pytest.mark.parametrize("rate_hz", [5, 15, 60])
def test_the_time_to_notice_does_not_depend_on_the_frame_rate(rate_hz: float) -> None:
    changes = emotions(play([*steady(NEUTRAL, 0, 2, rate_hz), *steady(HAPPY, 2, 5, rate_hz)]))
    assert changes[1][0] == pytest.approx(3.0, abs=0.25)


def test_a_score_that_hovers_at_the_limit_does_not_flicker() -> None:
    hovering = [(0.5 + n / 10, (0.38 + 0.04 * (n % 2), 0.3, 0.3)) for n in range(60)]
    script = [*steady((0.6, 0.2, 0.2), 0, 0.5), *hovering]
    assert emotions(play(script)) == [(0.4, "anger", None)]
    faint = steady((0.27, 0.26, 0.26), 0.5, 4)
    assert [new for _, new, _ in emotions(play([*steady((0.6, 0.2, 0.2), 0, 0.5), *faint]))] == [
        "anger",
        "uncertain",
    ]


def test_a_tie_within_the_margin_keeps_the_emotion() -> None:
    script = [*steady(NEUTRAL, 0, 2), *steady((0.0, 0.52, 0.48), 2, 8)]
    assert emotions(play(script)) == [(0.4, "neutral", None)]


def test_a_clock_that_steps_back_restarts_the_wait_and_does_not_end_it() -> None:
    script = [(1000.0, NEUTRAL), (1000.1, NEUTRAL), (10.0, NEUTRAL), (10.3, NEUTRAL), (10.5, NEUTRAL)]
    assert emotions(play(script)) == [(10.5, "neutral", None)]


def test_appearing_and_leaving_are_told_once_with_what_was_last_believed() -> None:
    decider = Decider(DecideConfig(**QUIET), LABELS, "door")
    scores = {"a": np.array(HAPPY, np.float32)}
    told = []
    for time_s in (0.0, 0.3, 0.6):
        told += decider.decide(frame(time_s), [track(time_s)], scores)[1]
    told += decider.decide(frame(0.9), [], {})[1]
    told += decider.decide(frame(1.2), [], {})[1]
    assert [type(event) for event in told] == [FaceAppeared, EmotionChanged, FaceLeft]
    assert told[0].box == (10, 20, 70, 80)
    assert (told[2].emotion, told[2].duration_s) == ("happiness", 0.6)


def test_without_frames_everyone_has_left_and_the_phase_is_told_at_once_and_then_at_its_times() -> None:
    decider = Decider(DecideConfig(state_every_s=10.0), LABELS, "door")
    decider.decide(frame(100.0, 7), [track(100.0, since_s=95.0)], {"a": np.array(HAPPY, np.float32)})
    left, state = decider.without_frames(Phase.NO_SOURCE, 103.0, EPOCH_S + 103)
    assert (left.track, left.duration_s, left.frame) == ("a", 5.0, 7)
    assert (state.phase, state.people, state.time_s) == ("no-source", (), 103.0)
    told = [decider.without_frames(Phase.NO_SOURCE, 103.0 + n, EPOCH_S) for n in range(1, 21)]
    assert [len(events) for events in told].count(1) == 2
    (again,) = (e for e in decider.decide(frame(130.0, 8), [], {})[1] if isinstance(e, State))
    assert again.phase == "running"


def test_what_is_reduced_is_told_as_soon_as_it_changes() -> None:
    decider = Decider(DecideConfig(state_every_s=3600.0), LABELS, "door")
    told = []
    for number, reduced in enumerate([(), (), ("detection_half",), ("detection_half",), ()]):
        told += decider.decide(frame(number / 10), [], {}, reduced)[1]
    assert [state.reduced for state in told] == [(), ("detection_half",), ()]


def test_another_models_labels_take_over_and_the_face_stays() -> None:
    decider = Decider(DecideConfig(**QUIET), LABELS, "door")
    events = []
    for time_s, scores in steady(HAPPY, 0, 2):
        events += decider.decide(frame(time_s), [track(time_s)], {"a": np.array(scores, np.float32)})[1]
    decider.relabel(("sadness", "calm"))
    for time_s, scores in steady((0.1, 0.9), 2, 4):
        estimates, more = decider.decide(frame(time_s), [track(time_s)], {"a": np.array(scores, np.float32)})
        events += more
    assert [type(event) for event in events] == [FaceAppeared, EmotionChanged, EmotionChanged]
    assert (events[-1].emotion, events[-1].previous) == ("calm", "happiness")
    assert set(estimates[0].scores) == {"sadness", "calm"}


def test_the_frame_rate_hardly_changes_when_a_change_is_noticed() -> None:
    noticed = []
    for rate_hz in (3, 5, 10, 15, 30, 60):
        script = [*steady(NEUTRAL, 0, 3, rate_hz), *steady(HAPPY, 3, 8, rate_hz)]
        noticed.append(emotions(play(script))[1][0] - 3)
    assert max(noticed) - min(noticed) < 0.5


def test_events_carry_camera_frame_and_the_wall_clock_of_their_frame() -> None:
    decider = Decider(DecideConfig(**QUIET), LABELS, "door")
    (event,) = decider.decide(frame(2.5, sequence=7), [track(2.5)], {})[1]
    assert (event.camera, event.frame, event.time_s) == ("door", 7, 2.5)
    assert event.time == datetime.fromtimestamp(EPOCH_S + 2.5, UTC)


def test_state_comes_at_its_interval_with_everyone_in_view_and_the_rate() -> None:
    decider = Decider(DecideConfig(state_every_s=1.0), LABELS, "door")
    states = []
    for number in range(31):
        tracks = [track(number / 10, "a"), track(number / 10, "b")]
        scores = {name: np.array(HAPPY, np.float32) for name in "ab"}
        states += [e for e in decider.decide(frame(number / 10), tracks, scores)[1] if isinstance(e, State)]
    assert [state.time_s for state in states] == [0.0, 1.0, 2.0, 3.0]
    assert [state.frames_per_s for state in states] == [0.0, 10.0, 10.0, 10.0]
    assert [(p.track, p.emotion) for p in states[-1].people] == [("a", "happiness"), ("b", "happiness")]


def test_estimates_hold_smoothed_scores_that_sum_to_one() -> None:
    decider = Decider(DecideConfig(**QUIET), LABELS, "door")
    decider.decide(frame(0.0), [track()], {"a": np.array(HAPPY, np.float32)})
    ((estimate,), _) = decider.decide(frame(0.5), [track(0.5)], {"a": np.array(ANGRY, np.float32)})
    assert sum(estimate.scores.values()) == pytest.approx(1, abs=1e-3)
    assert estimate.scores["happiness"] < 0.8
    assert estimate.scores["anger"] > 0.1
