"""Runs one program in its own environment: a picture's number comes in a line, what was found goes out in one.

    worker.py PROGRAM FOLDER CORE          FOLDER holds 0.npy, 1.npy ...

One thread on one core, like every other program that is compared. Neither decoding nor colour conversion is timed.
"""

# ruff: noqa: ANN001, ANN201, ANN202  (what it calls has no types either)

from __future__ import annotations

import json
import os
import sys
import time

os.environ.update(
    dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "MKL_NUM_THREADS"), "1")
)

import cv2
import numpy as np


def fer():
    """The package fer as its own page shows it."""
    from fer.fer import FER

    detector = FER()

    def look(picture):
        found = detector.detect_emotions(picture)
        return [(list(map(int, face["box"])), max(face["emotions"], key=face["emotions"].get)) for face in found]

    def boxed(answer):
        return [([x, y, x + width, y + height], said) for (x, y, width, height), said in answer]

    return (lambda luma: cv2.cvtColor(luma, cv2.COLOR_GRAY2BGR)), look, boxed


def mien():
    """The pipeline of `mien run`, which trusts a face at first sight here: each picture shows somebody else."""
    import tempfile
    from pathlib import Path

    from msgspec.structs import replace

    from edge.bench.measure import bench_config
    from edge.build import build_parts, build_sinks
    from edge.commands.settings import settings
    from edge.core import Core
    from edge.messages import Frame
    from edge.pipeline import Pipeline
    from edge.privacy import Privacy

    config = bench_config(settings(None, json.loads(os.environ.get("MIEN_PEERS_SET", "[]"))))
    config = replace(config, track=replace(config.track, min_hits=1))
    core = Core(Privacy(Path(tempfile.gettempdir()) / "mien-peers-none" / "privacy.json"))
    parts = build_parts(config)
    heard = []

    class Ear:
        """Keeps the last reading."""

        def publish(self, reading):
            heard[:] = [reading]

        def tell(self, events):
            pass

        def close(self):
            pass

    pipeline = Pipeline(parts, [*build_sinks(config, core, live=False), Ear()], core)
    number = 0

    def look(luma):
        nonlocal number
        number += 1
        pipeline.process(Frame(luma, 60.0 * number, 60.0 * number, number))
        return heard[0]

    def boxed(reading):
        parts.tracker.forget()
        return [
            (list(estimate.track.face.box.as_pixels()), max(estimate.scores, key=estimate.scores.get))
            for estimate in reading.estimates
            if estimate.scores
        ]

    return (lambda luma: luma), look, boxed


PROGRAMS = {"mien": mien, "fer": fer}


def main(program, folder, core):
    """Answers until its input ends."""
    os.sched_setaffinity(0, {int(core)})
    cv2.setNumThreads(1)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what programs print is no answer
    prepare, look, boxed = PROGRAMS[program]()
    for line in sys.stdin:
        picture = prepare(np.load(f"{folder}/{int(line)}.npy"))
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        answer = look(picture)
        ms, cpu_ms = 1e3 * (time.perf_counter() - began_s), 1e3 * (time.process_time() - began_cpu_s)
        faces = [{"box": box, "said": said} for box, said in boxed(answer)]
        print(json.dumps({"ms": ms, "cpu_ms": cpu_ms, "faces": faces}), file=answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
