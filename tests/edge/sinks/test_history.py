"""What is kept, and what is not; a loop that is never held up; files that are refused."""

from __future__ import annotations

import logging
import re
import shutil
import sqlite3
import stat
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cores import fresh_core
from history_days import NOON_S, FakeClock, config, numbered, reading, recording, rows, told
from measure_history import hour
from msgspec.structs import replace

from edge.config import Config, HistoryConfig, JsonlConfig, WebConfig
from edge.core import new_core
from edge.errors import SinkError
from edge.messages import EmotionChanged, FaceAppeared, FaceLeft, State
from edge.sinks import open_sinks
from edge.sinks.history import HistorySink, history_path
from edge.sinks.history.notes import EventRow, Minute, Notes, Presence
from edge.sinks.history.read import History
from edge.sinks.history.schema import SCHEMA

NOON_MINUTE = int(NOON_S) // 60
HOWTO = Path(__file__).resolve().parents[3] / "docs" / "HISTORY.md"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def test_events_are_kept_with_both_clocks_and_the_boot(file: Path) -> None:
    with recording(file) as sink:
        events = (told(FaceAppeared, 1), told(EmotionChanged, 2), told(FaceLeft, 3.25))
        sink.publish(reading(3.25, events=events))
    query = (
        "SELECT type, time_ms, time_s, boot_id, camera, frame, track, emotion, previous, score, duration_s"
        " FROM events JOIN boots ON boots.id = boot ORDER BY events.id"
    )
    noon_ms = round(NOON_S * 1000)
    common = ("first-boot", "door")
    assert rows(file, query) == [
        ("face_appeared", noon_ms + 1000, 1.0, *common, 10, "a1b2c3", None, None, None, None),
        ("emotion_changed", noon_ms + 2000, 2.0, *common, 20, "a1b2c3", "happiness", "neutral", 0.8, None),
        ("face_left", noon_ms + 3250, 3.25, *common, 32, "a1b2c3", "happiness", None, None, 4.5),
    ]


def test_neither_pictures_nor_boxes_nor_score_vectors_nor_states_are_kept(file: Path) -> None:
    state = State(
        time=told(FaceLeft, 1).time, time_s=1, camera="door", frame=1, phase="running", frames_per_s=1, people=()
    )
    with recording(file) as sink:
        sink.publish(reading(1, ("a", "fear"), events=(state, told(EmotionChanged, 1))))
    assert rows(file, "SELECT count(*) FROM events") == [(1,)]
    columns = {name for (name,) in rows(file, "SELECT name FROM pragma_table_info('events')")}
    assert columns == {"id", "boot", *EventRow._fields}
    types = {kind for (kind,) in rows(file, "SELECT type FROM pragma_table_info('events')")}
    assert "BLOB" not in types


def test_seconds_in_view_are_counted_by_minute_and_emotion(file: Path) -> None:
    with recording(file) as sink:
        for step in range(1201):  # two minutes, ten frames a second
            time_s = step / 10
            sink.publish(reading(time_s, ("a", "happiness" if time_s < 90 else "anger")))
    assert rows(file, f"SELECT minute - {NOON_MINUTE}, emotion, camera, seconds FROM presence") == [
        (0, "happiness", "door", pytest.approx(59.9)),
        (1, "anger", "door", pytest.approx(29.9, abs=0.11)),
        (1, "happiness", "door", pytest.approx(30.0, abs=0.11)),
        (2, "anger", "door", pytest.approx(0.1)),
    ]


def test_two_faces_count_twice_and_a_face_of_no_decided_emotion_is_undecided(file: Path) -> None:
    with recording(file) as sink:
        for time_s in (0, 1, 2):
            sink.publish(reading(time_s, ("a", "neutral"), ("b", "neutral"), ("c", None)))
    assert rows(file, "SELECT emotion, seconds, time_s FROM presence") == [
        ("neutral", 4.0, 1.0),
        ("undecided", 2.0, 1.0),
    ]


def test_what_was_in_view_adds_up_to_the_durations_that_face_left_tells(file: Path) -> None:
    with recording(file) as sink:
        # First told of when it has been there for 0.4 s; missed for a moment in between.
        for time_s in (5.4, 5.9, 6.7, 7.0):
            sink.publish(reading(time_s, ("a", "neutral"), since_s=5.0))
    assert rows(file, "SELECT sum(seconds) FROM presence") == [(pytest.approx(2.0),)]


def test_time_in_which_nothing_was_seen_is_nobodys(file: Path) -> None:
    with recording(file) as sink:
        for time_s in (0, 1, 600, 601, 300, 301):  # a lost camera, then a clock that goes back
            sink.publish(reading(time_s, ("a", "neutral")))
    assert rows(file, "SELECT sum(seconds) FROM presence") == [(3.0,)]


def test_a_minutes_seconds_add_up_over_batches(file: Path) -> None:
    with recording(file) as sink:
        for time_s in range(10):
            sink.publish(reading(time_s, ("a", "neutral")))
            sink.write()
        assert rows(file, "SELECT time_s, seconds FROM presence") == [(1.0, 9.0)]


def test_another_boot_is_another_row(file: Path) -> None:
    for boot in ("first-boot", "second-boot", "first-boot"):
        with recording(file, FakeClock(boot=boot)) as sink:
            sink.publish(reading(0, ("a", "neutral")))
            sink.publish(reading(1, ("a", "neutral")))
    query = "SELECT boot_id, seconds FROM presence JOIN boots ON boots.id = boot ORDER BY boot"
    assert rows(file, query) == [("first-boot", 2.0), ("second-boot", 1.0)]


def test_nothing_is_written_before_its_time_and_nothing_while_nobody_is_there(file: Path) -> None:
    with recording(file) as sink:
        sink.publish(numbered(0))
        assert rows(file, "SELECT count(*) FROM events") == [(0,)]
        sink.write()
        assert rows(file, "SELECT count(*) FROM events") == [(1,)]
        log = file.with_name("history.db-wal")
        before = log.read_bytes()
        for time_s in range(100):
            sink.publish(reading(time_s))
        sink.write()
        assert log.read_bytes() == before


def test_the_thread_writes_by_itself(file: Path) -> None:
    with recording(file, batch_s=0.01) as sink:
        written = threading.Event()
        write = sink._store.write
        sink._store.write = lambda batch: (write(batch), written.set())  # type: ignore[assignment,func-returns-value]
        sink.publish(numbered(7))
        assert written.wait(60)
        assert rows(file, "SELECT frame FROM events") == [(7,)]


def test_closing_twice_writes_what_waits_once(file: Path) -> None:
    with recording(file) as sink:
        sink.publish(numbered(1))
        sink.close()
        sink.close()
        assert rows(file, "SELECT frame FROM events") == [(1,)]
        with pytest.raises(SinkError, match="is no longer written"):
            sink.publish(numbered(2))
    assert not file.with_name("history.db-wal").exists(), "a clean end leaves one file"


def test_while_the_writer_is_busy_the_loop_only_notes(file: Path) -> None:
    with recording(file) as sink:
        with sink._writing:  # a card that takes its time
            for number in range(100):
                sink.publish(numbered(number))
        sink.write()
        assert rows(file, "SELECT count(*) FROM events") == [(100,)]


def test_what_waits_is_bounded_and_the_oldest_goes_first_and_is_counted() -> None:
    notes = Notes(events_max=3, minutes_max=2)
    notes.add_events(EventRow("face_left", n, n, "door", n, "a", None, None, None, 1.0) for n in range(5))
    for minute in range(3):
        notes.add_presence(Minute(minute, "fear"), Presence(1.0, 0.0))
    assert [row.frame for row in notes.events] == [2, 3, 4]
    assert [key.minute for key in notes.minutes] == [1, 2]
    assert notes.dropped == 3


def test_what_could_not_be_written_is_the_older_part_again() -> None:
    notes = Notes(events_max=3)
    row = EventRow("face_left", 0, 0, "door", 0, "a", None, None, None, 1.0)
    notes.add_events(row._replace(frame=n) for n in (0, 1))
    notes.add_presence(Minute(5, "fear"), Presence(1.0, 50.0))
    taken = notes.take()
    assert not notes
    notes.add_events(row._replace(frame=n) for n in (2, 3))
    notes.add_presence(Minute(5, "fear"), Presence(2.0, 51.0))
    notes.give_back(taken)
    assert [row.frame for row in notes.events] == [1, 2, 3]
    assert notes.minutes == {Minute(5, "fear"): Presence(3.0, 50.0)}
    assert notes.dropped == 1


def test_only_its_owner_may_read_the_history(file: Path) -> None:
    with recording(file) as sink:
        sink.publish(numbered(0))
        sink.write()
        parts = list(file.parent.iterdir())
        assert len(parts) == 3
        for part in parts:
            assert stat.S_IMODE(part.stat().st_mode) == 0o600, part


def test_it_is_off_unless_it_is_switched_on(file: Path) -> None:
    others = {"jsonl": JsonlConfig(stdout=False), "web": WebConfig(enabled=False)}
    assert open_sinks(Config(**others), new_core(Config())) == []  # type: ignore[arg-type]
    (sink,) = open_sinks(replace(config(file), **others), new_core(Config()))
    sink.close()
    assert file.exists()


def test_a_newer_schema_is_refused_in_one_line_and_left_alone(file: Path) -> None:
    with recording(file):
        pass
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (str(SCHEMA + 1),))
    connection.close()
    before = file.read_bytes()
    with pytest.raises(
        SinkError, match=rf"history\.db: holds schema {SCHEMA + 1}, this Mien knows {SCHEMA}: "
    ) as error:
        HistorySink(config(file), FakeClock())
    assert "\n" not in str(error.value)
    assert file.read_bytes() == before


def test_another_programs_database_is_refused_and_left_alone(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE recipes (name)")
    connection.close()
    before = file.read_bytes()
    with pytest.raises(SinkError, match="another program's database"):
        HistorySink(config(file), FakeClock())
    assert file.read_bytes() == before


@pytest.mark.parametrize(("place", "reason"), [("none/history.db", "No such file"), ("", "Is a directory")])
def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, place: str, reason: str) -> None:
    with pytest.raises(SinkError, match=f"cannot be written: {reason}"):
        HistorySink(config(tmp_path / place), FakeClock())


def test_a_locked_database_only_delays(
    file: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.sinks.history.store.BUSY_S", 0.0)
    with recording(file) as sink, caplog.at_level(logging.WARNING):
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for number in range(3):
            sink.publish(numbered(number))
            sink.write()
        other.execute("COMMIT")
        other.close()
        sink.write()
        assert rows(file, "SELECT frame FROM events") == [(0,), (1,), (2,)]
    assert sink.failures == 3
    assert [record.message.split(": ")[-1] for record in caplog.records][:1] == [
        "what is new waits in memory, trying again"
    ]
    assert len(caplog.records) == 2, "once when it begins, once when it is over"
    assert "is written again; 0 rows were lost" in caplog.text


def test_where_no_file_is_named_it_lies_where_the_system_keeps_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert history_path(HistoryConfig()) == tmp_path / ".local/state/mien/history.db"
    HistorySink(config(""), FakeClock()).close()
    assert (tmp_path / ".local/state/mien/history.db").exists()
    monkeypatch.setenv("XDG_STATE_HOME", "/x")
    assert history_path(HistoryConfig()) == Path("/x/mien/history.db")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/mien:/var/lib/other")
    assert history_path(HistoryConfig()) == Path("/var/lib/mien/history.db")
    assert history_path(HistoryConfig(file="h.db")) == Path("h.db")


def test_a_history_can_be_read_while_it_is_written(file: Path) -> None:
    with recording(file) as sink:
        for number in range(1200):  # more than two pages
            sink.publish(numbered(number))
        sink.write()
        history = History(file)
        events = history.events()
        assert next(events).frame == 0
        sink.publish(numbered(1200))
        sink.write()
        assert [event.frame for event in events] == list(range(1, 1201))
        history.close()


def test_the_program_sqlite3_reads_and_copies_it_while_it_is_written_as_the_text_says(file: Path) -> None:
    program = shutil.which("sqlite3") or pytest.skip("sqlite3 is not installed")
    (query,) = re.findall(r'^sqlite3 history\.db "(SELECT .*)"$', HOWTO.read_text(), re.MULTILINE)
    (copy,) = re.findall(r'`sqlite3 history\.db "(\.backup copy\.db)"`', HOWTO.read_text())

    def ask(name: str, words: str) -> str:
        done = subprocess.run([program, name, words], cwd=file.parent, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    with recording(file) as sink:
        for tenths in range(0, 1201, 5):
            sink.publish(reading(tenths / 10, ("a1b2c3", "happiness")))
        sink.write()
        sink.publish(reading(120.5, ("a1b2c3", "happiness"), events=(told(FaceLeft, 120.5),)))
        day, emotion, minutes = ask("history.db", query).split("|")
        assert (day, emotion) == (datetime.fromtimestamp(NOON_S, UTC).date().isoformat(), "happiness")
        assert float(minutes) == pytest.approx(2.0)
        ask("history.db", copy)
    assert ask("copy.db", "PRAGMA integrity_check") == "ok"
    assert ask("copy.db", "SELECT count(*) FROM events") == "0", "what was not written then"
    assert ask("history.db", "SELECT type FROM events") == "face_left"


def test_an_hour_costs_a_card_little(tmp_path: Path) -> None:
    cost = hour(tmp_path, batch_s=60, changes_per_hour=60)
    assert cost.events > 200
    assert 50_000 < cost.handed_over < 400_000, "docs/HISTORY.md gives the table"


def test_what_is_not_written_yet_is_forgotten_when_privacy_is_turned_on(tmp_path: Path) -> None:
    core = fresh_core(tmp_path)
    file = tmp_path / "history.db"
    sink = HistorySink(config(file), FakeClock(), core=core)
    sink.publish(reading(1.0, ("a1b2c3", "happiness"), events=(told(FaceAppeared, 1.0),)))
    assert core.queues["history"]().length == 2
    core.privacy.set(on=True, by="test")
    assert core.queues["history"]().length == 0
    sink.close()
    assert rows(file, "SELECT * FROM events") == rows(file, "SELECT * FROM presence") == []
