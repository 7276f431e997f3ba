"""Killed, full, damaged, deleted: what was written stays, and writing goes on."""

from __future__ import annotations

import json
import logging
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from history_days import FakeClock, config, numbered, recording, rows

from edge.errors import SinkError
from edge.sinks.history import HistorySink

HERE = Path(__file__).parent


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def frames(file: Path) -> list[int]:
    return [frame for (frame,) in rows(file, "SELECT frame FROM events ORDER BY id")]


def script(*arguments: str, **options: object) -> dict:
    result = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=HERE, **options
    )  # type: ignore[call-overload]
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout) | {"stderr": result.stderr}


def test_a_kill_at_any_moment_costs_one_batch_at_most_and_leaves_the_database_whole(file: Path) -> None:
    found = script("history_killed.py", str(file), "20")
    before = 0
    for each in found["rounds"]:
        assert each["verdict"] == "ok"
        assert (each["first"], each["events"]) == (1, each["last"]), "no gap and nothing twice"
        assert each["last"] in {each["sure"], each["begun"]}, "a batch is there whole or not at all"
        assert each["seconds"] == pytest.approx(each["events"]), "events and presence of a batch go together"
        assert each["last"] > before
        before = each["last"]


FULL = """
import json, logging, resource, sys
from pathlib import Path
from history_days import FakeClock, config, numbered, rows
from edge.sinks.history import HistorySink

file, room = Path(sys.argv[1]), int(sys.argv[2])
logging.basicConfig(format="%(message)s")
if room == 0:  # full before it begins
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
sink = HistorySink(config(file), FakeClock())
resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
number = 0
while sink.failures < 5:
    for number in range(number, number + 50):
        sink.publish(numbered(number))
    number += 1
    sink.write()
kept = 0 if room == 0 else len(rows(file, "SELECT frame FROM events"))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
sink.publish(numbered(number))
sink.write()
sink.close()
print(json.dumps({"taken": number + 1, "kept": kept, "failures": sink.failures, "dropped": sink.dropped}))
"""


@pytest.mark.parametrize("room", [0, 20_000, 200_000], ids="{} bytes free".format)
def test_a_full_disk_costs_nothing_is_told_once_and_writing_goes_on_with_the_room(file: Path, room: int) -> None:
    found = script("-c", FULL, str(file), str(room))
    assert found["kept"] < found["taken"]
    assert frames(file) == list(range(found["taken"]))
    assert found["dropped"] == 0
    assert rows(file, "PRAGMA integrity_check") == [("ok",)]
    told = found["stderr"].splitlines()
    assert len(told) == 2, told
    assert re.search(r"history\.db cannot be written: .*: what is new waits in memory, trying again", told[0])
    assert re.search(r"history\.db is written again; 0 rows were lost", told[1])


def test_what_still_waits_at_the_end_is_said_to_be_lost(
    file: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.sinks.history.store.BUSY_S", 0.0)
    with recording(file) as sink:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        sink.publish(numbered(0))
        sink.close()
        other.close()
    assert "could not be written to" in caplog.records[-1].message


def recorded(file: Path, count: int) -> None:
    with recording(file) as sink:
        for number in range(count):
            sink.publish(numbered(number))


def overwritten(file: Path, start: int) -> bytes:
    content = bytearray(file.read_bytes())
    content[start : start + 4096] = b"\xa5" * len(content[start : start + 4096])
    file.write_bytes(content)
    return bytes(content)


@pytest.mark.parametrize("start", [0, 100, 8192], ids=["header", "schema", "a page"])
def test_a_damaged_database_is_set_aside_and_a_new_one_begun(
    file: Path, caplog: pytest.LogCaptureFixture, start: int
) -> None:
    recorded(file, 2000)
    spoilt = overwritten(file, start)
    with recording(file) as sink:
        sink.publish(numbered(5))
    assert frames(file) == [5]
    aside = file.with_name("history.db.damaged-20260304T120000Z")
    assert aside.read_bytes() == spoilt, "nothing is deleted"
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert f"set aside as {aside.name}, a new one is begun" in record.message
    assert "\n" not in record.message


def test_a_second_damaged_database_takes_no_place_of_the_first(file: Path) -> None:
    for _ in range(2):
        recorded(file, 100)
        overwritten(file, 0)
    with recording(file):
        pass
    aside = sorted(path.name for path in file.parent.glob("*damaged*"))
    assert aside == ["history.db.damaged-20260304T120000Z", "history.db.damaged-20260304T120000Z-2"]


def test_a_database_that_is_damaged_while_it_is_open_loses_no_new_row(file: Path) -> None:
    recorded(file, 2000)
    with recording(file) as sink:
        for start in range(0, file.stat().st_size, 4096):
            overwritten(file, start)
        sink._store.open().execute("PRAGMA shrink_memory")  # as after some hours: nothing of the file is in memory
        for number in (5, 6):
            sink.publish(numbered(number))
            sink.write()
        assert frames(file) == [5, 6]
        assert sink.failures == 0
    assert len(list(file.parent.glob("*.damaged-*"))) == 1


def test_what_a_kill_left_in_the_log_goes_aside_with_the_damaged_database(file: Path, tmp_path: Path) -> None:
    recorded(file, 2000)
    left = tmp_path / "killed" / "history.db"
    left.parent.mkdir()
    with recording(file) as sink:
        sink.publish(numbered(2000))
        sink.write()
        for part in ("", "-wal"):
            shutil.copy(f"{file}{part}", f"{left}{part}")
    overwritten(left, 65_536)
    with recording(left) as sink:
        sink.publish(numbered(5))
    assert frames(left) == [5]
    aside = left.with_name("history.db.damaged-20260304T120000Z")
    assert rows(aside, "SELECT max(frame) FROM events WHERE id = 2001") == [(2000,)]


def test_a_deleted_database_is_begun_anew(file: Path) -> None:
    recorded(file, 10)
    with recording(file) as sink:
        for part in file.parent.iterdir():
            part.unlink()
        sink.publish(numbered(5))
        sink.write()
        assert frames(file) == [5]
        assert len(list(file.parent.glob("history.db"))) == 1


def test_a_damaged_database_that_cannot_be_set_aside_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_bytes(b"no database" * 1000)

    def refuse(self: Path, target: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(SinkError, match="is damaged and cannot be set aside: Permission denied"):
        HistorySink(config(file), FakeClock())
