#!/usr/bin/python3 -IB
"""Switches a link that the service depends on, watches how the service takes it, and switches back by itself.

Stands alone at /opt/mien/trial, so that no release has to work for another one to come back. The link is `current`
(the program) or `models/active.tflite`. What is on trial stands in trial.json, which is on the disk before anything
is switched: a power cut at any point leaves either no trial or one that goes on after the next boot.

  trial switch LINK TARGET  try another target; ends well once the service has proved itself
  trial rollback LINK       try the target before that
  trial starting            before each start of the service: counts it, and switches back after two that failed
  trial judge               watches the service after a switch and after a boot; decides
  trial status              says what is on trial
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

HOME = Path(__file__).resolve().parent
PENDING, VERDICT, PREVIOUS = HOME / "trial.json", HOME / "verdict", HOME / "previous.json"
UNIT, JUDGE = "mien.service", "mien-trial.service"
STARTS = 2
"""Starts that a candidate has. One that the power cuts short counts, too."""
WINDOW_S = 150.0
"""Time to prove itself: two starts, and two turns of the loop, of which one may take 30 s without a camera."""
TURNS = 2


def say(words: str) -> None:
    print(f"mien trial: {words}", file=sys.stderr, flush=True)  # noqa: T201


def read(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return table if isinstance(table, dict) else {}


def write(path: Path, text: str) -> None:
    """Replace a file by one rename, on the disk before that."""
    new = path.with_name(f"{path.name}.new")
    with new.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync(path.parent)


def sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def point(link: Path, target: str) -> None:
    new = link.with_name(f"{link.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)
    sync(link.parent)


def end(verdict: str) -> None:
    """No trial any more; the verdict is on the disk first."""
    write(VERDICT, verdict + "\n")
    PENDING.unlink(missing_ok=True)
    sync(HOME)
    say(verdict)


def switch_back(trial: dict[str, Any], why: str) -> None:
    """Undo a switch; begun again after a power cut, it does the same."""
    point(Path(trial["link"]), trial["previous"])
    end(f"switched back to {trial['previous']}: {why}")


def starting() -> int:
    trial = read(PENDING)
    if not trial:
        return 0
    if trial["starts"] >= STARTS:
        switch_back(trial, f"{STARTS} starts of {trial['candidate']} failed")
        systemctl("daemon-reload")
    else:
        write(PENDING, json.dumps(trial | {"starts": trial["starts"] + 1}))
    return 0


def systemctl(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)


def look() -> dict[str, str]:
    """What systemd knows of the service."""
    names = "ActiveState,InvocationID,WatchdogTimestampMonotonic"
    lines = systemctl("show", UNIT, f"--property={names}").stdout.splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def proves_itself(
    before: str,
    window_s: float,
    ask: Callable[[], dict[str, str]] = look,
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], None] = time.sleep,
) -> bool:
    """Whether the service became active and its loop turned twice after that, all in one life.

    before: the life that was to end with the switch.

    A turn shows in the watchdog's time stamp. The service pings without a camera and with privacy on as well.
    """
    until, life = clock() + window_s, ""
    turns: list[str] = []
    while clock() < until and PENDING.exists():
        seen = ask()
        if seen.get("ActiveState") != "active" or seen["InvocationID"] == before:
            life = ""
        elif seen.get("InvocationID") != life:
            life, turns = seen["InvocationID"], [seen["WatchdogTimestampMonotonic"]]
        elif seen["WatchdogTimestampMonotonic"] not in turns:
            turns.append(seen["WatchdogTimestampMonotonic"])
        if life and len(turns) > TURNS:
            return True
        wait(0.5)
    return False


def judge() -> int:
    trial = read(PENDING)
    if not trial:
        return 0
    if proves_itself(trial["life"], WINDOW_S):
        write(PREVIOUS, json.dumps(read(PREVIOUS) | {trial["link"]: trial["previous"]}))
        end(f"{trial['candidate']} has proved itself")
        return 0
    trial = read(PENDING)
    if trial:  # else `starting` has switched back meanwhile
        switch_back(trial, f"{trial['candidate']} did not run healthily within {WINDOW_S:.0f} s")
        systemctl("daemon-reload")
        systemctl("restart", "--no-block", UNIT)
    return 1


def switch(link: Path, target: str) -> int:
    with (HOME / "trial.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return refuse("another switch is under way")
        if read(PENDING):
            return refuse("another trial is under way: trial status")
        if not (link.parent / target).exists():
            return refuse(f"{target}: does not exist beside {link}")
        previous = str(link.readlink()) if link.is_symlink() else ""
        if previous == target:
            say(f"{link} is {target} already")
            return 0
        if not previous or not Path("/run/systemd/system").is_dir():
            point(link, target)
            say(f"{link} is {target} now, untried: no running service to try it with")
            return 0
        return tried(link, target, previous)


def tried(link: Path, target: str, previous: str) -> int:
    VERDICT.unlink(missing_ok=True)
    trial = {"link": str(link), "candidate": target, "previous": previous, "starts": 0}
    write(PENDING, json.dumps(trial | {"life": look().get("InvocationID", "")}))
    point(link, target)
    systemctl("daemon-reload")
    systemctl("reset-failed", UNIT, JUDGE)
    systemctl("restart", "--no-block", UNIT)
    say(f"trying {target} ...")
    systemctl("start", JUDGE)  # waits for its end; should this process end before, the judge goes on
    if read(PENDING):
        return refuse("the verdict is still out: trial status")
    verdict = VERDICT.read_text().strip() if VERDICT.exists() else "no verdict"
    say(verdict)
    return 0 if verdict.endswith("has proved itself") else 1


def rollback(link: Path) -> int:
    target = read(PREVIOUS).get(str(link))
    if not target:
        return refuse(f"{link}: nothing is known of what was before")
    return switch(link, target)


def status() -> int:
    trial = read(PENDING)
    verdict = VERDICT.read_text().strip() if VERDICT.exists() else "nothing was tried yet"
    words = f"{trial['candidate']} is on trial, start {trial['starts']} of {STARTS}" if trial else verdict
    print(words)  # noqa: T201
    return 0


def refuse(words: str) -> int:
    say(words)
    return 1


def main(words: list[str]) -> int:
    match words:
        case ["starting"]:
            return starting()
        case ["judge"]:
            return judge()
        case ["switch", link, target]:
            return switch(Path(link), target)
        case ["rollback", link]:
            return rollback(Path(link))
        case ["status"]:
            return status()
    return refuse("usage: trial switch LINK TARGET | rollback LINK | status")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
