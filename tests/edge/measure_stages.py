"""Processor time of each stage, a frame, on the demo: python tests/edge/measure_stages.py [FRAMES] [KEY=VALUE ...]

The processor's time of the loop's own thread, so that a busy machine does not change it much.
"""

# ruff: noqa: T201  (it prints)

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import cv2

from edge.build import build_parts
from edge.commands.settings import settings
from edge.core import Core
from edge.pipeline import Pipeline
from edge.privacy import Privacy
from edge.sources import demo
from edge.stages import Stages
from edge.vitals import resident_bytes


def main() -> None:
    frames = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    config = settings(None, sys.argv[2:], source="demo")
    cv2.setNumThreads(1)
    scene = demo.Scene(config.source)
    pictures = [scene.render(number) for number in range(min(frames, 225))]
    core = Core(Privacy(Path(tempfile.gettempdir()) / "none" / "privacy.json"), stages=Stages(time.thread_time))
    pipeline = Pipeline(build_parts(config), [], core)
    began_s = time.thread_time()
    for number in range(frames):
        luma = pictures[number % len(pictures)]
        pipeline.process(demo.Frame(luma, number / config.source.fps, 0.0, number))
    passed_s = time.thread_time() - began_s
    for stage, total in core.stages.totals().items():
        if total.count:
            each = 1e3 * total.sum_s / total.count
            print(f"| {stage} | {total.count} | {each:.3f} | {1e3 * total.sum_s / frames:.3f} |")
    print(f"| all | {frames} | | {1e3 * passed_s / frames:.3f} |")
    print(f"resident {resident_bytes() / 1e6:.0f} MB, faces {core.counts.faces}")


if __name__ == "__main__":
    main()
