"""What an hour of history costs a card: `python tests/edge/sinks/measure_history.py [FOLDER]` prints the table.

One face is in view all the hour. "handed over" is what SQLite asks the system to write; "to the disk" is what the
system then writes in blocks of 4 KiB, counted by the kernel (write_bytes in /proc/self/io, so FOLDER must lie on a
disk). The system is told to write after every batch; left alone it waits for up to half a minute.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from history_days import FakeClock, reading, recording, told
from msgspec import Struct

from edge.messages import EmotionChanged, FaceAppeared, FaceLeft

HOUR_S, FPS = 3600, 10
EMOTIONS = ("neutral", "happiness", "surprise", "sadness")
LONG_S = 50
"""How long a face stays before it is gone for a moment."""


class Cost(Struct, frozen=True):
    """handed_over, to_disk: bytes written in the hour. publish_us: microseconds a frame, on average."""

    events: int
    handed_over: int
    to_disk: int
    publish_us: float


def written() -> tuple[int, int]:
    """(bytes handed to the system, bytes of blocks that it has to write) by this process so far."""
    counts = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counts["wchar"]), int(counts["write_bytes"])


def settle(folder: Path) -> None:
    """What the kernel does by itself after a while."""
    for part in folder.iterdir():
        file = os.open(part, os.O_RDONLY)
        os.fsync(file)
        os.close(file)


def hour(folder: Path, *, batch_s: float, changes_per_hour: int) -> Cost:
    """An hour on a clock that tests turn, in a database that has been in use for a while."""
    clock = FakeClock()
    change_every_s = HOUR_S / changes_per_hour if changes_per_hour else 2 * HOUR_S
    with recording(folder / "history.db", clock, batch_s=batch_s) as sink:
        sink.write()
        events, spent_s, before = 0, 0.0, written()
        for frame in range(HOUR_S * FPS):
            time_s = frame / FPS
            track = f"{int(time_s // LONG_S):06x}"
            found = []
            if changes_per_hour and time_s % LONG_S == 0:
                found += [told(FaceLeft, time_s, track), told(FaceAppeared, time_s, track)]
            if frame and time_s % change_every_s < 1 / FPS:
                found.append(told(EmotionChanged, time_s, track))
            emotion = EMOTIONS[int(time_s // change_every_s) % len(EMOTIONS)]
            news = reading(time_s, (track, emotion), since_s=time_s - time_s % LONG_S, events=tuple(found))
            events += len(found)
            start_s = time.perf_counter()
            sink.publish(news)
            spent_s += time.perf_counter() - start_s
            if frame and time_s % batch_s == 0:
                clock.monotonic_s += batch_s
                sink.write()
                settle(folder)
        sink.write()
        settle(folder)
        after = written()
    return Cost(events, after[0] - before[0], after[1] - before[1], 1e6 * spent_s / (HOUR_S * FPS))


def main(parent: str | None) -> None:
    sys.stdout.write("batch_s  events/h  handed over, kB/h  to the disk, kB/h  us a frame\n")
    for changes in (0, 60, 600):
        for batch_s in (10, 30, 60, 300):
            with tempfile.TemporaryDirectory(dir=parent) as folder:
                cost = hour(Path(folder), batch_s=batch_s, changes_per_hour=changes)
            sys.stdout.write(
                f"{batch_s:7} {cost.events:9} {cost.handed_over / 1000:18.0f} {cost.to_disk / 1000:18.0f}"
                f" {cost.publish_us:11.1f}\n"
            )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
