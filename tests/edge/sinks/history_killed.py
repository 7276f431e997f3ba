"""Kills a writing process again and again, and looks at the database each time. Prints what it found as JSON.

Run by test_history_faults.py in a process of its own, since it forks. Arguments: the file, how many times.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from itertools import count
from pathlib import Path

from history_days import FakeClock, config, reading, rows
from history_days import told as event_of

from edge.messages import FaceLeft
from edge.sinks.history import HistorySink

BATCH = 400
"""Events a batch: some forty pages, so that a round writes, checkpoints and starts the log anew."""


def write_for_ever(file: Path, pipe: int) -> None:
    """Goes on where the database ends; each event is one frame later and one second of presence more."""
    (first,) = rows(file, "SELECT coalesce(max(frame), 0) + 1 FROM events")[0] if file.exists() else (1,)
    sink = HistorySink(config(file), FakeClock())
    sink.publish(reading(first - 1, ("a", "fear"), since_s=first - 1))
    for start in count(first, BATCH):
        for number in range(start, start + BATCH):
            event = event_of(FaceLeft, number, frame=number)
            sink.publish(reading(number, ("a", "fear"), events=(event,)))
        os.write(pipe, f"{start + BATCH - 1}\n".encode())
        sink.write()
        os.write(pipe, f"{start + BATCH - 1}\n".encode())


def round_of(file: Path, moments: int, turns: int) -> list[int]:
    """Kills the writer some time after so many moments, each the beginning or the end of a write.

    Returns the number at every moment.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            write_for_ever(file, writer)
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = [int(pipe.readline()) for _ in range(moments)]
        for _ in range(turns):  # so that the kill comes anywhere in the write
            pass
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        told += [int(line) for line in pipe]
    return told


def main(file: Path, times: int) -> None:
    chance = random.Random(7)
    found = []
    for _ in range(times):
        told = round_of(file, chance.randint(2, 9), chance.randrange(300_000))
        begun, sure = told[-1], told[-1 - len(told) % 2]
        (verdict,) = rows(file, "PRAGMA integrity_check")[0]
        (events, first, last) = rows(file, "SELECT count(*), min(frame), max(frame) FROM events")[0]
        (seconds,) = rows(file, "SELECT sum(seconds) FROM presence")[0]
        found.append(
            {
                "verdict": verdict,
                "sure": sure,
                "begun": begun,
                "events": events,
                "first": first,
                "last": last,
                "seconds": seconds,
            }
        )
    json.dump({"rounds": found}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
