"""What is on trial stays or goes back: the program that no release has to work for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy import trial


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """/opt/mien with two releases; `current` is the first."""
    for name in ("HOME", "PENDING", "VERDICT", "PREVIOUS"):
        monkeypatch.setattr(trial, name, tmp_path if name == "HOME" else tmp_path / getattr(trial, name).name)
    monkeypatch.setattr(trial, "systemctl", lambda *_: None)
    for name in ("old", "new"):
        (tmp_path / "releases" / name).mkdir(parents=True)
    (tmp_path / "current").symlink_to("releases/old")
    return tmp_path


def begin(home: Path, starts: int = 0) -> None:
    """A trial of the second release."""
    words = {"link": str(home / "current"), "candidate": "releases/new", "previous": "releases/old"}
    (home / "trial.json").write_text(json.dumps(words | {"starts": starts, "life": "before"}))
    trial.point(home / "current", "releases/new")


def current(home: Path) -> str:
    return (home / "current").readlink().name


def test_a_start_without_a_trial_changes_nothing(home: Path) -> None:
    before = sorted(home.rglob("*"))
    assert trial.main(["starting"]) == 0
    assert sorted(home.rglob("*")) == before


def test_a_candidate_has_two_starts_and_the_third_is_the_old_ones_again(home: Path) -> None:
    begin(home)
    seen = []
    for _ in range(4):
        trial.main(["starting"])
        seen.append(current(home))
    assert seen == ["new", "new", "old", "old"]
    assert not (home / "trial.json").exists()
    assert (home / "verdict").read_text() == "switched back to releases/old: 2 starts of releases/new failed\n"


@pytest.mark.parametrize("after", ["the file", "the link", "the way back"])
def test_a_power_cut_between_any_two_steps_ends_where_the_service_runs(home: Path, after: str) -> None:
    begin(home, starts=2 if after == "the way back" else 0)
    if after == "the file":  # written, not yet switched
        trial.point(home / "current", "releases/old")
    if after == "the way back":  # switched back, and the trial still stands
        trial.point(home / "current", "releases/old")
    for _ in range(3):
        trial.main(["starting"])
    assert (current(home), (home / "trial.json").exists()) == ("old", False)


@pytest.mark.parametrize("content", ["", "{", "[1]", "{}"])
def test_a_damaged_file_is_no_trial_and_never_stops_the_service(home: Path, content: str) -> None:
    (home / "trial.json").write_text(content)
    assert trial.main(["starting"]) == 0
    assert current(home) == "old"


class Systemd:
    """What systemctl shows, second by second; the last goes on."""

    def __init__(self, seen: list[tuple[str, str, int]]) -> None:
        self.seen = seen
        self.now_s = 0.0

    def look(self) -> dict[str, str]:
        state, life, turn = self.seen[min(int(self.now_s), len(self.seen) - 1)]
        return {"ActiveState": state, "InvocationID": life, "WatchdogTimestampMonotonic": str(turn)}

    def wait(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.mark.parametrize(
    ("seen", "healthy"),
    [
        ([("active", "a", 1), ("active", "a", 2), ("active", "a", 3)], True),
        ([("activating", "a", 0)] * 20 + [("active", "a", 1), ("active", "a", 2), ("active", "a", 3)], True),
        ([("active", "a", 1)], False),
        ([("active", "a", 1), ("active", "a", 2)], False),
        ([("active", "before", n) for n in range(200)], False),
        ([("active", str(n), n) for n in range(200)], False),
        ([("active", "a", 1), ("active", "a", 2), ("failed", "a", 2), ("active", "b", 3), ("active", "b", 4)], 0),
        ([("activating", "a", 0)], False),
        ([("inactive", "", 0)], False),
        ([("active", "a", 1)] + [("active", "a", 1 + n // 30) for n in range(100)], True),
    ],
    ids=[
        "runs", "starts slowly", "ready and then still", "one turn only", "the old life goes on",
        "a new life a second", "dies after a turn", "never ready", "not started", "a turn every 30 s",
    ],
)  # fmt: skip
def test_healthy_is_ready_and_two_turns_of_the_loop_in_one_life(
    home: Path, seen: list[tuple[str, str, int]], healthy: bool | int
) -> None:
    begin(home)
    systemd = Systemd(seen)
    proved = trial.proves_itself("before", trial.WINDOW_S, systemd.look, lambda: systemd.now_s, systemd.wait)
    assert proved == healthy


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "WINDOW_S", 0)


def test_a_judge_that_sees_no_health_switches_back(home: Path, unhurried: None) -> None:
    begin(home)
    assert trial.main(["judge"]) == 1
    assert current(home) == "old"
    assert "did not run healthily" in (home / "verdict").read_text()


def test_what_proved_itself_stays_and_can_be_rolled_back_later(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(home)
    monkeypatch.setattr(trial, "proves_itself", lambda *_: True)
    assert trial.main(["judge"]) == 0
    assert (current(home), (home / "trial.json").exists()) == ("new", False)
    trial.main(["rollback", str(home / "current")])
    assert current(home) == "old"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["switch", "{}/current", "releases/none"], "releases/none: does not exist beside"),
        (["rollback", "{}/current"], "nothing is known of what was before"),
        (["fly"], "usage: trial"),
        ([], "usage: trial"),
    ],
)
def test_a_refusal_is_one_line(home: Path, capsys: pytest.CaptureFixture[str], words: list[str], line: str) -> None:
    assert trial.main([word.format(home) for word in words]) == 1
    said = capsys.readouterr().err
    assert (line in said, said.count("\n")) == (True, 1)
    assert current(home) == "old"
