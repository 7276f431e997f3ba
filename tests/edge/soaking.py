"""A service at full speed for so long, watching itself: prints one JSON line of samples.

    python tests/edge/soaking.py seconds 3600 1000     an hour, a sample every 1000 frames
    python tests/edge/soaking.py frames 400 20

Each sample: frames so far, resident bytes, threads, descriptors. A small clip of the demo's script plays as fast as
it can be decoded, faces are looked for in every 10th frame, and page, history and event file are on. At intervals
the camera is lost, privacy switched on and off, the settings reloaded and the metrics asked for, as in a year.
"""

# ruff: noqa: T201  (it prints)
from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import cv2
from msgspec.structs import replace

from edge import build
from edge.config import AdaptConfig, Config, HistoryConfig, JsonlConfig, SourceConfig, TrackConfig, WebConfig
from edge.errors import SourceError
from edge.messages import Frame, Phase
from edge.notify import Notifier
from edge.service import Service
from edge.sinks.web import WebSink
from edge.sources import demo, video
from edge.vitals import resident_bytes

LOST_EVERY = 4
"""The camera is lost after so many samples' frames, unless it was closed for privacy before."""


def write_clip(path: Path, config: SourceConfig) -> None:
    """The demo's script, once."""
    scene, size = demo.Scene(config), (config.width, config.height)
    clip = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), config.fps, size)
    for number in range(round(demo.PERIOD_S * config.fps)):
        clip.write(cv2.cvtColor(scene.render(number), cv2.COLOR_GRAY2BGR))
    clip.release()


class Losing:
    """The clip at full speed as a camera that is lost from time to time."""

    name, live, dropped = "clip", True, 0
    lost_after = 0

    def __init__(self, config: SourceConfig) -> None:
        self._source = video.open_source(config)
        self._closed = threading.Event()

    def __iter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204
        began_s = time.monotonic()
        for number, frame in enumerate(self._source, 1):
            if self._closed.is_set():
                return
            yield Frame(frame.luma, began_s + frame.time_s, frame.captured_at, frame.sequence)
            if number >= self.lost_after:
                raise SourceError("clip: lost, as planned")

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
            if len(self.samples) % 50 == 0:
                sys.stderr.write(f"{self.samples[-1]}\n")
            if len(self.samples) % 3 == 0:
                threading.Thread(target=self.disturb, args=(len(self.samples),), daemon=True).start()
        if self.frames >= self.most or time.monotonic() >= self.end_s:
            self.running.core.stop.ask()

    def disturb(self, number: int) -> None:
        """Somebody looks, and then it is private for a moment, or has other settings."""
        for sink in self.running.pipeline.sinks:
            if isinstance(sink, WebSink):
                urllib.request.urlopen(f"{sink.url}metrics", timeout=60).read()
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
        clip = SourceConfig(
            kind="video", path=f"{folder}/clip.avi", realtime=False, loop=True, width=160, height=120
        )
        write_clip(Path(clip.path), clip)
        config = Config(
            source=clip,
            adapt=AdaptConfig(detect_every=10, max_load=0, hot_celsius=0, motion_gate=False),
            jsonl=JsonlConfig(stdout=False, file=f"{folder}/events.jsonl"),
            history=HistoryConfig(enabled=True, file=f"{folder}/history.db", batch_s=1),
            web=WebConfig(port=0),
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
