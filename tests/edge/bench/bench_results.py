"""Results made up for tests: no machine was measured."""

from __future__ import annotations

from typing import Any

from edge.bench.record import Timing
from edge.bench.result import Condition, Machine, ModelFile, Result, SceneResult


def timing(ms: float, n: int = 100) -> Timing:
    return Timing(n=n, p50_ms=ms, p90_ms=1.2 * ms, p95_ms=1.3 * ms, p99_ms=1.5 * ms, max_ms=2 * ms)


def scene(rounds_ms: list[float], name: str = "640x480-1", **fields: Any) -> SceneResult:
    middle = sorted(rounds_ms)[len(rounds_ms) // 2]
    given: dict[str, Any] = {
        "name": name,
        "size": (640, 480),
        "faces": 1,
        "found": 1.0,
        "false_boxes": 0.0,
        "frames": 500,
        "seconds": 10.0,
        "fps": 1000 / middle,
        "cpu_ms": middle,
        "waited_share": 0.0,
        "stages": {"detect": timing(0.8 * middle), "classify": timing(0.1 * middle)},
        "end_to_end": timing(middle),
        "rounds_p50_ms": rounds_ms,
        "curve_ms": [middle * (0.5 + n / 100) for n in range(51)],
    }
    return SceneResult(**given | fields)


def result(rounds_ms: list[float], **fields: Any) -> Result:
    measured = scene(rounds_ms)
    given: dict[str, Any] = {
        "made_at": "2026-01-31T18:00:00+00:00",
        "mien": "1.0",
        "command": "mien bench",
        "complete": True,
        "machine": Machine(
            board="Raspberry Pi 5 Model B",
            processor="Cortex-A76",
            architecture="aarch64",
            cores=4,
            memory_bytes=8_000_000_000,
            system="Debian",
            kernel="6.12",
            python="3.13.5",
            runtime="ai-edge-litert 2.3.0",
            packages={"numpy": "2.3"},
        ),
        "before": Condition(governor="ondemand", mhz=2400.0, celsius=48.0, others_cores=0.01),
        "after": Condition(governor="ondemand", mhz=2400.0, celsius=61.0, others_cores=0.02),
        "detector": "made-up",
        "model": ModelFile(name="emotion", version="1.0", sha256="00", accelerated=True),
        "threads": {"classify": 1, "opencv": 1},
        "settings": {},
        "rounds": len(rounds_ms),
        "round_s": 2.0,
        "stages": measured.stages,
        "end_to_end": measured.end_to_end,
        "rss_bytes": 90_000_000,
        "start_s": 0.3,
        "start_runs_s": (0.3,),
        "scenes": (measured,),
    }
    return Result(**given | fields)
