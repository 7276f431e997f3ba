"""Models side by side: what they weigh, cost, score and take here, and on the emulated Pi where it is set up."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct

from converters.audit import audit
from converters.candidate import Candidate, raw_input
from converters.errors import ConversionError, DataError
from converters.flatbuffer import read_graph
from converters.samples import Samples

COUNTER = Path(__file__).resolve().parent.parent / "tests" / "pi" / "count.py"
"""Stands in the source tree only: an emulated Pi is no part of the package."""
WARM_UPS, RUNS = 20, 300


class Line(Struct, frozen=True, kw_only=True):
    """One model.

    accuracy: None without labelled data or labels. latency_ms: median of one invoke() on this machine, one thread.
    pi_instructions: executed by one invoke(), by processor; empty where the emulated Pi is not set up.
    """

    file: str
    size_bytes: int
    parameters: int
    multiply_adds: int
    whole_int8: bool
    accuracy: float | None
    labelled: int
    latency_ms: float
    pi_instructions: dict[str, int]


def compare(
    candidates: Sequence[Candidate],
    samples: Sequence[Samples | None],
    labels: tuple[str, ...] | None,
    instructions: dict[str, dict[str, int]],
) -> list[Line]:
    """A line each. samples: in each one's own shape."""
    lines = []
    for candidate, data in zip(candidates, samples, strict=True):
        report = audit(read_graph(candidate.content, str(candidate.path)))
        accuracy, labelled = (None, 0) if data is None else measure_accuracy(candidate, data, labels)
        lines.append(
            Line(
                file=str(candidate.path),
                size_bytes=candidate.path.stat().st_size,
                parameters=report.parameters,
                multiply_adds=report.multiply_adds,
                whole_int8=not report.problems,
                accuracy=accuracy,
                labelled=labelled,
                latency_ms=measure_latency_ms(candidate),
                pi_instructions=instructions.get(str(candidate.path), {}),
            )
        )
    return lines


def measure_accuracy(
    candidate: Candidate, samples: Samples, labels: tuple[str, ...] | None
) -> tuple[float | None, int]:
    """(share that is right, samples that count): those whose label is one of the model's."""
    words = candidate.labels or labels
    if words is None or samples.labels is None:
        return None, 0
    outputs = candidate.predict(samples.pixels)[0]
    if outputs.ndim != 2 or outputs.shape[1] != len(words):
        raise ConversionError(f"{candidate.path}: {len(words)} labels for outputs of shape {outputs.shape[1:]}")
    truth = np.array([words.index(word) if word in words else -1 for word in samples.labels])
    known = truth >= 0
    if not known.any():
        raise DataError(f"{samples.where}: none of its labels is one of the model's ({', '.join(words)})")
    return float((outputs.argmax(axis=1) == truth)[known].mean()), int(known.sum())


def measure_latency_ms(candidate: Candidate) -> float:
    """Median of many runs on noise."""
    noise = np.random.default_rng(0).integers(0, 256, candidate.shape).astype(np.uint8)
    raw = raw_input(noise, candidate.interpreter.input)
    times = []
    for _ in range(WARM_UPS + RUNS):
        start = time.perf_counter()
        candidate.interpreter.invoke(raw)
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times[WARM_UPS:])


def count_on_pi(paths: Sequence[Path]) -> tuple[dict[str, dict[str, int]], str]:
    """(executed instructions by file and processor, why there are none)."""
    if not COUNTER.is_file():
        return {}, "the emulated Pi is part of the source tree, not of the package"
    command = [sys.executable, str(COUNTER), "--json", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return {}, said.removeprefix("count.py: ").removeprefix("error: ")
    return {file: found["instructions"] for file, found in json.loads(done.stdout).items()}, ""
