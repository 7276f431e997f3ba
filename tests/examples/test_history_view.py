"""A day of a history as rows; and the same in Streamlit, where that is installed."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from days import Row, bounds, by_hour, changes, day_of, totals

sys.path.append(str(Path(__file__).resolve().parents[1] / "edge/sinks"))
from history_days import NOON, reading, recording, told

from edge.messages import EmotionChanged, FaceAppeared
from edge.sinks.history.read import History, StoredMinute


def minute(hour: int, number: int, emotion: str, seconds: float) -> StoredMinute:
    local = datetime(2026, 3, 4, hour, number).astimezone()
    return StoredMinute(local.astimezone(UTC), 0.0, "boot", "door", emotion, seconds)


@pytest.mark.parametrize(
    ("minutes", "rows"),
    [
        ([], []),
        (
            [minute(9, 0, "happiness", 60), minute(9, 59, "happiness", 30), minute(9, 59, "sadness", 30)],
            [{"hour": "2026-03-04 09:00", "happiness": 1.5, "sadness": 0.5}],
        ),
        (
            [minute(9, 0, "happiness", 60), minute(11, 0, "neutral", 120)],
            [
                {"hour": "2026-03-04 09:00", "happiness": 1.0, "neutral": 0.0},
                {"hour": "2026-03-04 11:00", "happiness": 0.0, "neutral": 2.0},
            ],
        ),
    ],
)
def test_minutes_are_counted_by_hour_and_emotion(minutes: list[StoredMinute], rows: list[Row]) -> None:
    assert by_hour(minutes) == rows


def test_totals_name_the_largest_first() -> None:
    rows = by_hour([minute(9, 0, "neutral", 60), minute(10, 0, "happiness", 120), minute(11, 0, "neutral", 30)])
    assert list(totals(rows).items()) == [("happiness", 2.0), ("neutral", 1.5)]


def test_a_day_ends_where_the_next_begins() -> None:
    first, end = bounds(date(2026, 3, 4))
    assert (first.date(), end.date()) == (date(2026, 3, 4), date(2026, 3, 5))
    assert end == bounds(date(2026, 3, 5))[0]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A minute of happiness and a change, at noon UTC of NOON's day."""
    path = tmp_path / "history.db"
    with recording(path) as sink:
        sink.tell([told(FaceAppeared, 0.0), told(EmotionChanged, 1.0)])
        for tenth in range(600):
            sink.publish(reading(tenth / 10, ("a1b2c3", "happiness")))
        sink.write()
    return path


def test_what_was_recorded_comes_back_by_day(file: Path) -> None:
    day = NOON.astimezone().date()
    history = History(file)
    try:
        (hour,), (change,) = day_of(history, day)
        assert day_of(history, date(2020, 1, 1)) == ([], [])
    finally:
        history.close()
    assert hour["happiness"] == pytest.approx(1.0, abs=0.1)
    assert (change["from"], change["to"], change["face"]) == ("neutral", "happiness", "a1b2c3")


def test_only_changes_are_listed(file: Path) -> None:
    history = History(file)
    try:
        assert len(list(history.events())) == 2
        assert len(list(changes(history.events()))) == 1
    finally:
        history.close()


def test_streamlit_shows_the_day(file: Path, examples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    testing = pytest.importorskip("streamlit.testing.v1")
    monkeypatch.setattr(sys, "argv", ["view.py", str(file)])
    app = testing.AppTest.from_file(str(examples / "history_view/view.py"), default_timeout=60).run()
    assert not app.exception
    assert app.info[0].value == "Nobody was in view on that day."
    app.date_input[0].set_value(NOON.astimezone().date()).run()
    assert not app.exception
    assert [heading.value for heading in app.subheader] == [
        "Minutes in view, by hour",
        "Minutes of each",
        "Changes",
    ]
    assert "happiness" in app.table[0].value.to_string()


def test_streamlit_names_a_history_that_is_not_there(
    tmp_path: Path, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    testing = pytest.importorskip("streamlit.testing.v1")
    monkeypatch.setattr(sys, "argv", ["view.py", str(tmp_path / "none.db")])
    app = testing.AppTest.from_file(str(examples / "history_view/view.py"), default_timeout=60).run()
    assert not app.exception
    assert "none.db: no history there" in app.error[0].value
