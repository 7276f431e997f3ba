"""The privacy switch: on when in doubt, in effect before it is written, and never lost."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edge.errors import PrivacyError
from edge.privacy import Privacy, Switched


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "privacy.json"


def test_before_its_first_use_the_settings_decide_and_nothing_is_written(path: Path) -> None:
    assert not Privacy(path).on
    assert Privacy(path, default_on=True).on
    assert not path.parent.exists()


def test_it_survives_a_restart_with_who_turned_it_and_when(path: Path) -> None:
    Privacy(path, epoch=lambda: 5.0).set(True, by="mqtt")
    assert Privacy(path).switched == Switched(True, "mqtt", 5.0)
    Privacy(path, epoch=lambda: 6.0).set(False, by="command")
    assert Privacy(path, default_on=True).switched == Switched(False, "command", 6.0)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content", [b"", b"{", b"no", b'{"on": 0, "by": "x", "at": 1}', b'{"on": false}', b"\xff\xfe", b"{" * 9000]
)
def test_what_cannot_be_read_is_on_and_turning_it_mends_the_file(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    privacy = Privacy(path)
    assert privacy.on
    privacy.set(False, by="command")
    assert not Privacy(path).on


def test_a_folder_or_a_broken_link_in_its_place_is_on(path: Path) -> None:
    path.mkdir(parents=True)
    assert Privacy(path).on
    path.rmdir()
    path.symlink_to(path)
    assert Privacy(path).on


def test_listeners_hear_every_change_and_only_changes(path: Path) -> None:
    privacy = Privacy(path)
    heard: list[bool] = []
    privacy.subscribe(heard.append)
    for on in (True, True, False, False, True):
        privacy.set(on, by="test")
    assert heard == [True, False, True]


def test_a_listener_that_fails_keeps_no_other_from_hearing(path: Path) -> None:
    privacy, heard = Privacy(path), []
    privacy.subscribe(lambda _on: 1 / 0)  # type: ignore[arg-type, return-value]
    privacy.subscribe(heard.append)
    privacy.set(True, by="test")
    assert heard == [True]
    assert privacy.on


def test_nothing_leaves_the_loop_once_set_has_returned(path: Path) -> None:
    privacy = Privacy(path)
    handed_on = []
    assert privacy.unless_on(lambda: handed_on.append(1))
    inside, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        inside.set()
        go_on.wait(10)
        handed_on.append(2)

    loop = threading.Thread(target=lambda: privacy.unless_on(slow))
    loop.start()
    assert inside.wait(10)
    turner = threading.Thread(target=lambda: privacy.set(True, by="test"))
    turner.start()
    go_on.set()
    turner.join()
    assert handed_on == [1, 2]  # what was on its way is through before `set` returns
    assert not privacy.unless_on(lambda: handed_on.append(3))
    assert handed_on == [1, 2]
    loop.join()


# A file size limit refuses what a full disk refuses, to root, too; a fresh process, for it cannot be taken back.
FULL_DISK = """
import signal, sys, resource
from pathlib import Path
from edge.errors import PrivacyError
from edge.privacy import Privacy
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
privacy = Privacy(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
try:
    privacy.set(sys.argv[2] == "on", by="test")
except PrivacyError as error:
    print(error)
print(privacy.on)
"""


def on_a_full_disk(path: Path, turn: str) -> list[str]:
    command = [sys.executable, "-c", FULL_DISK, str(path), turn]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize("was_there", [False, True])
def test_a_full_disk_keeps_it_from_being_turned_off_never_on(path: Path, was_there: bool) -> None:
    path.parent.mkdir()
    if was_there:
        Privacy(path).set(False, by="test")
    assert on_a_full_disk(path, "on") == ["True"]
    assert Privacy(path).on, "after a restart, too"
    message, on = on_a_full_disk(path, "off")
    assert message.endswith("it stays on")
    assert on == "True"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name], "no rest is left"


def test_where_nothing_can_be_written_on_is_on_now_and_the_doubt_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    privacy = Privacy(tmp_path / "file" / "privacy.json", default_on=False)
    assert privacy.on, "a folder that is none cannot be read"
    missing = Privacy(tmp_path / "gone" / "privacy.json")
    (tmp_path / "gone").touch()
    with pytest.raises(PrivacyError, match="it is on, but may be off after a restart"):
        missing.set(True, by="test")
    assert missing.on
