"""`mien history`: rows as CSV and JSON lines, a day as a picture."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from edge.cli import cli
from edge.commands.history_plot import colour_of, in_order, in_words
from edge.draw import COLOURS
from edge.errors import ConfigError, MissingPackageError, SinkError, SourceError
from edge.sinks.history.clock import SystemClock
from edge.sinks.history.notes import EventRow, Minute, Notes, Presence
from edge.sinks.history.store import Store

NOON_S = datetime(2026, 3, 4, 12, tzinfo=UTC).timestamp()
BOOT = SystemClock().boot_id()


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A place an hour east of Greenwich that has summer time."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Three events at noon, one and two o'clock (UTC), and minutes of presence around them."""
    path = tmp_path / "history.db"
    notes = Notes()
    for hour, (kind, emotion, score, duration_s) in enumerate(
        [
            ("face_appeared", None, None, None),
            ("emotion_changed", "fear", 0.7, None),
            ("face_left", "fear", None, 9.0),
        ]
    ):
        time_ms = round((NOON_S + 3600 * hour) * 1000)
        notes.add_events([EventRow(kind, time_ms, 5.5, "door", hour, "a1b2c3", emotion, None, score, duration_s)])
    for hour, emotion in enumerate(("happiness", "fear", "undecided")):
        for minute in range(30):
            key = Minute(round(NOON_S + 3600 * hour) // 60 + minute, emotion)
            notes.add_presence(key, Presence(30.0, 1.0))
    store = Store(path, "door", SystemClock())
    store.write(notes)
    store.close()
    return path


def history(file: Path, *arguments: object) -> Result:
    words = ["history", *map(str, arguments), "--set", f"history.file={file}"]
    result = CliRunner().invoke(cli, words, standalone_mode=False)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def objects(result: Result) -> list[dict]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_events_are_exported_as_json_lines(file: Path) -> None:
    exported = objects(history(file, "export"))
    assert [event["type"] for event in exported] == ["face_appeared", "emotion_changed", "face_left"]
    assert exported[1] == {
        "type": "emotion_changed",
        "time": "2026-03-04T13:00:00Z",
        "time_s": 5.5,
        "boot": BOOT,
        "camera": "door",
        "frame": 1,
        "track": "a1b2c3",
        "emotion": "fear",
        "previous": None,
        "score": 0.7,
        "duration_s": None,
    }


def test_a_table_holds_the_same_as_the_lines(file: Path) -> None:
    for what in ((), ("--minutes",)):
        lines = objects(history(file, "export", *what))
        table = list(csv.DictReader(io.StringIO(history(file, "export", "--format", "csv", *what).stdout)))
        as_text = [{key: "" if value is None else str(value) for key, value in line.items()} for line in lines]
        assert table == as_text
        assert table


def test_minutes_are_exported_by_time_and_emotion(file: Path) -> None:
    exported = objects(history(file, "export", "--minutes"))
    assert len(exported) == 90
    assert exported[0] == {
        "time": "2026-03-04T12:00:00Z",
        "time_s": 1.0,
        "boot": BOOT,
        "camera": "door",
        "emotion": "happiness",
        "seconds": 30.0,
    }
    assert [row["time"] for row in exported] == sorted(row["time"] for row in exported)


@pytest.mark.parametrize(
    ("options", "frames"),
    [
        (["--since", "2026-03-04T14:00"], [1, 2]),  # an hour east of Greenwich
        (["--since", "2026-03-04T13:00Z"], [1, 2]),
        (["--until", "2026-03-04T13:00Z"], [0]),
        (["--since", "2026-03-04T12:00:01Z", "--until", "2026-03-04T13:00:01Z"], [1]),
        (["--since", "2026-03-04", "--until", "2026-03-05"], [0, 1, 2]),
        (["--since", "2026-03-05"], []),
    ],
)
def test_an_export_can_begin_and_end_where_one_likes(file: Path, options: list[str], frames: list[int]) -> None:
    assert [event["frame"] for event in objects(history(file, "export", *options))] == frames
    minutes = objects(history(file, "export", "--minutes", *options))
    assert (not minutes) == (not frames)


def test_a_table_without_rows_still_names_its_columns(file: Path) -> None:
    assert history(file, "export", "--format", "csv", "--since", "2027-01-01").stdout.startswith(
        "type,time,time_s,"
    )


def test_every_row_is_exported_once_however_many_share_a_moment(tmp_path: Path) -> None:
    notes = Notes()
    row = EventRow("face_left", round(NOON_S * 1000), 0, "door", 0, "a", None, None, None, 1.0)
    notes.add_events(row._replace(frame=number) for number in range(1700))
    for number in range(1300):
        notes.add_presence(Minute(29_000_000 + number // 650, f"emotion-{number}"), Presence(1.0, 0.0))
    store = Store(tmp_path / "h.db", "door", SystemClock())
    store.write(notes)
    store.close()
    assert [event["frame"] for event in objects(history(tmp_path / "h.db", "export"))] == list(range(1700))
    emotions = [row["emotion"] for row in objects(history(tmp_path / "h.db", "export", "--minutes"))]
    assert len(emotions) == len(set(emotions)) == 1300


def test_a_reader_that_leaves_ends_the_export_without_a_word(tmp_path: Path) -> None:
    notes = Notes()
    row = EventRow("face_left", round(NOON_S * 1000), 0, "door", 0, "a", None, None, None, 1.0)
    notes.add_events(row._replace(frame=number) for number in range(9000))
    store = Store(tmp_path / "h.db", "door", SystemClock())
    store.write(notes)
    store.close()
    command = [sys.executable, "-m", "edge.cli", "history", "export", "--set", f"history.file={tmp_path / 'h.db'}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["frame"] == 0
        process.stdout.close()
        complaints = process.stderr.read()
    assert (process.returncode, complaints) == (0, b"")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["export", "--since", "noon"], "--since noon: must be a date or time, as 2026-01-31 or 2026-01-31T18:00"),
        (["export", "--until", "2026-13-01"], "--until 2026-13-01: must be a date or time"),
        (["plot", "--day", "yesterday", "--out", "x.png"], "--day yesterday: must be a date, as 2026-01-31"),
        (["plot", "--out", "x.jpg"], "--out x.jpg: must end in .png"),
    ],
)
def test_what_is_no_time_day_or_picture_is_refused(file: Path, arguments: list[str], complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        history(file, *arguments)
    assert str(caught.value).startswith(complaint)


def test_a_history_that_is_not_there_or_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.db: no history there"):
        history(tmp_path / "none.db", "export")
    (tmp_path / "text.db").write_text("a letter to the editor\n" * 100)
    with pytest.raises(SourceError, match=r"text\.db: cannot be read: file is not a database"):
        history(tmp_path / "text.db", "export")
    assert list(tmp_path.iterdir()) == [tmp_path / "text.db"], "reading changes nothing"


READ_AS_NOBODY = """
import os, sys
from pathlib import Path
from edge.sinks.history.read import History
list(History(Path(sys.argv[2])).events())  # loads what nobody may not
if os.geteuid() == 0:
    os.seteuid(65534)
assert not os.access(Path(sys.argv[1]).parent, os.W_OK, effective_ids=True)
print(sum(1 for _ in History(Path(sys.argv[1])).events()))
"""


def test_a_history_in_a_folder_that_one_may_not_write_can_be_read(file: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "history.db"
        copy.write_bytes(file.read_bytes())
        copy.chmod(0o644)
        copy.parent.chmod(0o555)
        result = subprocess.run(
            [sys.executable, "-c", READ_AS_NOBODY, str(copy), str(file)],
            capture_output=True,
            text=True,
            check=False,
        )
        copy.parent.chmod(0o755)
    assert result.stdout == "3\n", result.stderr


def plotted(file: Path, day: str) -> np.ndarray:
    out = file.with_name("day.png")
    history(file, "plot", "--day", day, "--out", out)
    picture = cv2.imread(str(out))
    assert picture is not None
    return np.asarray(picture)


def columns_of(picture: np.ndarray, emotion: str) -> np.ndarray:
    """Where in the drawing (left of the legend) this emotion's colour is, 0..1 of the width."""
    drawing = picture[:, : int(0.78 * picture.shape[1])]
    return np.flatnonzero((drawing == COLOURS[emotion]).all(axis=2).sum(axis=0) > 5) / drawing.shape[1]


def test_a_day_is_drawn_in_the_emotions_colours_at_the_hours_they_were_seen(file: Path) -> None:
    picture = plotted(file, "2026-03-04")
    assert picture.shape[0] > 500
    assert picture.shape[1] > 1200
    happy, afraid = columns_of(picture, "happiness"), columns_of(picture, "fear")
    assert 0.5 < happy.min() < happy.max() < afraid.min() < afraid.max() < 0.75, "13:00 to 14:30 here"
    assert columns_of(picture, "sadness").size == 0


def test_a_day_without_a_face_is_an_empty_picture_and_the_others_are_not_in_it(file: Path) -> None:
    picture = plotted(file, "2026-03-05")
    assert all(columns_of(picture, emotion).size == 0 for emotion in COLOURS if emotion != "neutral")


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"], ids=["23 hours", "25 hours"])
def test_the_days_on_which_the_clocks_change_are_drawn_whole(tmp_path: Path, day: str) -> None:
    notes = Notes()
    start = datetime.fromisoformat(day).astimezone()
    end = datetime.fromisoformat(f"{day}T23:59").astimezone()
    minutes = range(int(start.timestamp()) // 60, int(end.timestamp()) // 60 + 1)
    for minute in minutes:
        notes.add_presence(Minute(minute, "sadness"), Presence(60.0, 0.0))
    store = Store(tmp_path / "h.db", "door", SystemClock())
    store.write(notes)
    store.close()
    drawn = columns_of(plotted(tmp_path / "h.db", day), "sadness")
    assert len(minutes) in {23 * 60, 25 * 60}
    assert drawn.min() < 0.12
    assert drawn.max() > 0.9


def test_a_picture_that_cannot_be_written_is_refused_and_nothing_is_left(file: Path, tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="cannot be written: No such file"):
        history(file, "plot", "--day", "2026-03-04", "--out", tmp_path / "none" / "x.png")
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(SinkError, match="cannot be written: Is a directory"):
        history(file, "plot", "--day", "2026-03-04", "--out", tmp_path / "taken.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history.db", "taken.png"]


def test_without_matplotlib_one_line_says_how_to_get_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingPackageError, match=r"^matplotlib is not installed: pip install 'mien\[plot\]'$"):
        history(file, "plot", "--out", file.with_name("x.png"))
    assert objects(history(file, "export")), "which an export does not need"


def test_emotions_have_the_colours_of_the_boxes_and_what_is_none_is_pale() -> None:
    assert colour_of("happiness") == "#e69e00"
    assert len({colour_of(emotion) for emotion in COLOURS}) == len(COLOURS)
    assert not {colour_of("uncertain"), colour_of("undecided")} & {colour_of(emotion) for emotion in COLOURS}
    assert in_order(["undecided", "uncertain", "fear", "boredom", "neutral"]) == [
        "neutral", "fear", "uncertain", "boredom", "undecided",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("minutes", "words"), [(0.5, "30 s"), (1, "1 min"), (59.4, "59 min"), (60, "1 h 0 min"), (125, "2 h 5 min")]
)
def test_durations_are_said_in_words(minutes: float, words: str) -> None:
    assert in_words(minutes) == words


def test_the_environment_and_the_settings_name_the_same_file(file: Path, tmp_path: Path) -> None:
    settings = tmp_path / "mien.toml"
    settings.write_text(f'[history]\nfile = "{file}"\n')
    environment = {**os.environ, "MIEN_CONFIG": str(settings)}
    with contextlib.chdir(tmp_path):
        result = CliRunner().invoke(cli, ["history", "export"], env=environment, standalone_mode=False)
    assert len(objects(result)) == 3


def test_a_run_of_the_real_command_is_recorded_and_exported(tmp_path: Path) -> None:
    mien = [sys.executable, "-m", "edge.cli"]
    kept = ["--set", f"history.file={tmp_path / 'h.db'}", "--set", "history.enabled=true"]
    fast = ["--source", "demo", "--frames", "60", "--set", "source.realtime=false", "--set", "web.enabled=false"]
    run = subprocess.run([*mien, "run", *fast, *kept], capture_output=True, text=True, check=True)
    export = subprocess.run([*mien, "history", "export", *kept], capture_output=True, text=True, check=True)
    told = [event for event in map(json.loads, run.stdout.splitlines()) if event["type"] != "state"]
    stored = [json.loads(line) for line in export.stdout.splitlines()]
    assert {event["type"] for event in stored} >= {"face_appeared", "emotion_changed"}
    for name in ("type", "frame", "track", "time_s"):
        assert [event[name] for event in stored] == [event[name] for event in told]
