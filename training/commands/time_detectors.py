"""mien-train time-detectors: how long detectors take, measured in turns in one process."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import cv2
import msgspec
import numpy as np

from edge.config import DetectConfig
from training.commands.options import detector_options
from training.detector.opening import open_detector
from training.detector.photos import read_photos
from training.detector.scenes import fit_scene

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from edge.detect import Detector

FRAME = (320, 240)


@click.command("time-detectors")
@detector_options
@click.option("--count", type=click.IntRange(2), default=200, show_default=True, help="Frames, one a turn.")
def command(detectors: tuple[str, ...], data: Path, count: int) -> None:
    """Milliseconds a 320x240 frame of each detector, decoding included: medians and quartiles, one thread each.

    Photos are brought to that size and kept in memory; the detectors take turns on each, so that what else the
    machine does falls on all alike.
    """
    cv2.setNumThreads(1)
    score = DetectConfig().min_score
    opened = [open_detector(word, width_px=FRAME[0], min_score=score) for word in detectors]
    photos = read_photos(data)
    frames = [fit_scene(photos[number % len(photos)].read_luma(), FRAME) for number in range(count)]
    times = time_each(opened, frames)
    for word, taken in zip(detectors, times, strict=True):
        low, median, high = (round(float(q), 3) for q in np.percentile(taken, [25, 50, 75]))
        line = {"detector": Path(word).name, "frames": count, "p50_ms": median, "quartiles_ms": [low, high]}
        ratio = float(np.median(taken) / np.median(times[0]))
        click.echo(msgspec.json.encode({**line, "times_the_first": round(ratio, 2)}).decode())


def time_each(
    detectors: Sequence[Detector],
    frames: Sequence[NDArray[np.uint8]],
    clock: Callable[[], float] = time.perf_counter,
) -> NDArray[np.float64]:
    """Milliseconds of each detector on each frame: shape (detectors, frames)."""
    taken = np.zeros((len(detectors), len(frames)))
    for detector in detectors:
        detector.detect(frames[0])  # the first call lays out memory
    for number, frame in enumerate(frames):
        for which, detector in enumerate(detectors):
            start = clock()
            detector.detect(frame)
            taken[which, number] = 1e3 * (clock() - start)
    return taken
