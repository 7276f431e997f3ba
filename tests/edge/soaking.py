"""A service at full speed for so long, watching itself: prints one JSON line of samples.

    python tests/edge/soaking.py seconds 3600 1000     an hour, a sample every 1000 frames
    python tests/edge/soaking.py frames 400 20

Each sample: frames so far, resident bytes, threads, descriptors. The demo runs as fast as it can, with history and
the event file on, and is switched private and back, reloaded and lost at intervals, as in a year.
"""

# ruff: noqa: T201  (it prints)
from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

from msgspec.structs import replace

from edge import build
from edge.config import Config, HistoryConfig, JsonlConfig, SourceConfig, TrackConfig, WebConfig
from edge.errors import SourceError
from edge.messages import Frame, Phase
from edge.notify import Notifier
from edge.service import Service
from edge.sources import demo
from edge.vitals import resident_bytes

LOST_EVERY = 15
"""The camera is lost once after so many samples' frames."""


class Losing:
    """The demo at full speed as a camera that is lost from time to time."""

    name, live, dropped = "demo", True, 0
    lost_after = 0

    def __init__(self, config: SourceConfig) -> None:
        self._source = demo.open_source(config)
        self._closed = threading.Event()

    def __iter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204
        began_s = time.monotonic()
        for number, frame in enumerate(self._source, 1):
            if self._closed.is_set():
                return
            yield Frame(frame.luma, began_s + frame.time_s, frame.captured_at, frame.sequence)
            if number >= self.lost_after:
                raise SourceError("demo: lost, as planned")

    def close(self) -> bool:
        self._closed.set()
        return self._source.close()


class Watch:
    """A sink that samples every so many frames, and disturbs."""

    def __init__(self, running: Service, unit: str, most: float, every: int) -> None:
        self.running, self.every = running, every
        self.end_s = time.monotonic() + most if unit == "seconds" else float("inf")
        self.most = most if unit == "frames" else float("inf")
        self.frames = 0
        self.samples: list[tuple[int, int, int, int]] = []

    def publish(self, _reading: object) -> None:
        self.frames += 1
        if self.frames % self.every == 0:
            descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  (one more while it is listed, each time)
            self.samples.append((self.frames, resident_bytes(), threading.active_count(), descriptors))
            if len(self.samples) % 3 == 0:
                threading.Thread(target=self.disturb, args=(len(self.samples),), daemon=True).start()
        if self.frames >= self.most or time.monotonic() >= self.end_s:
            self.running.core.stop.ask()

    def disturb(self, number: int) -> None:
        """Privacy for a moment, or other settings."""
        if number % 2:
            self.running.core.privacy.set(True, by="soak")
            self.running.core.state.wait_for(Phase.PRIVATE, 60)
            self.running.core.privacy.set(False, by="soak")
        else:
            self.running.core.requests.ask(self.running.reload, 60)

    def tell(self, _events: object) -> None:
        pass

    def close(self) -> None:
        pass


def main() -> None:
    unit, most, every = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    with tempfile.TemporaryDirectory() as folder:
        os.environ["STATE_DIRECTORY"] = folder
        build.open_source = Losing  # type: ignore[assignment]
        Losing.lost_after = LOST_EVERY * every
        config = Config(
            source=SourceConfig(kind="demo", realtime=False, width=320, height=240),
            jsonl=JsonlConfig(stdout=False, file=f"{folder}/events.jsonl"),
            history=HistoryConfig(enabled=True, file=f"{folder}/history.db", batch_s=1),
            web=WebConfig(enabled=False),
        )
        other = replace(config, track=TrackConfig(min_hits=3))
        turns = [config, other]

        def reread() -> Config:
            turns.reverse()
            return turns[0]

        with Service(config, reread=reread, notifier=Notifier()) as running:
            watch = Watch(running, unit, most, every)
            opened = running._open_sinks
            running._open_sinks = lambda wanted: [*opened(wanted), watch]  # type: ignore[method-assign]
            running.pipeline.sinks = [*running.pipeline.sinks, watch]
            running.run()
            counts = running.core.counts
        print(
            json.dumps(
                {
                    "samples": watch.samples,
                    "lost": counts.lost,
                    "reloads": counts.reloads,
                    "private": running.core.state.entered[Phase.PRIVATE],
                    "file": Path(f"{folder}/events.jsonl").stat().st_size,
                }
            )
        )


if __name__ == "__main__":
    main()
