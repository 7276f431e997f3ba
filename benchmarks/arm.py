"""From executed instructions to milliseconds on a board that nobody has measured: a range, and how far to trust it.

The emulated Pi counts what a Cortex-A53, A72 or A76 executes (docs/PI.md). Time is instructions over clock times
instructions a cycle, and the last of these no emulator knows. It is bounded here by what others published for
boards: low, if that came from four threads that share the work perfectly; high, if from one thread.
"""

# ruff: noqa: INP001  (no package: what page.py stands on)

from __future__ import annotations

from typing import NamedTuple


class Core(NamedTuple):
    """board: with this core. ghz: its clock. per_cycle: instructions, the least and the most.

    peak: int8 multiply-adds a cycle that its vector units can do at best.
    """

    board: str
    ghz: float
    per_cycle: tuple[float, float]
    peak: int


class Published(NamedTuple):
    """A figure that others measured. instructions: what it takes, in millions, at least and at most."""

    what: str
    core: str
    ghz: float
    ms: float
    instructions: tuple[float, float]
    source: str


YIELD = {
    "a72": {"dense": (3.5, 3.7), "1x1": (2.6, 3.7), "depthwise": (1.2, 1.5)},
    "a76": {"dense": (10.5, 11.7), "1x1": (6.8, 11.7), "depthwise": (1.2, 1.5)},
}
"""Multiply-adds an instruction buys in int8 convolutions of LiteRT, counted on the emulated Pi."""
YUNET_M = 66.9
"""Million instructions of YuNet in OpenCV 5 on a 320x240 frame, counted likewise on all three cores."""
CORES = {
    "a53": Core("Zero 2 W", 1.0, (0.5, 1.2), 8),
    "a72": Core("Pi 4", 1.8, (0.7, 1.8), 8),
    "a76": Core("Pi 5", 2.4, (1.0, 2.4), 32),
}
"""A72: 16.7 M instructions of YuNet in 6.2 ms at 1.5 GHz are 1.8 a cycle of one thread; 90 to 124 M of
MobileNetV2 in 22 ms are 0.7 to 0.9 a cycle of each of four. A76: 38 to 58 M in 4.0 ms are 1.0 to 1.5 of each
of four; at most, a third more than the A72 for its wider decoder. A53: it issues two in order at best, and no
figure for a board is known here: assumed. Peaks: SMLAL, 8 products, one a cycle on the A72; SDOT, 16
products, two a cycle on the A76 (Arm's software optimization guides); the A53 is taken to be as the A72."""


def estimate_ms(instructions: float, core: str, ghz: float = 0.0) -> tuple[float, float]:
    """(least, most) milliseconds of one thread."""
    known = CORES[core]
    least, most = known.per_cycle
    cycles_a_ms = 1e6 * (ghz or known.ghz)
    return instructions / (most * cycles_a_ms), instructions / (least * cycles_a_ms)


def limit_ms(multiply_adds: float, core: str) -> float:
    """What the multiply-adds alone take if the vector units do nothing else and never wait."""
    known = CORES[core]
    return multiply_adds / (known.peak * known.ghz * 1e6)


def mobilenet_v2() -> dict[str, float]:
    """Multiply-adds of MobileNetV2 1.0 at 224x224, by kind. Source: Sandler et al. 2018, arXiv:1801.04381."""
    found = {"dense": 112 * 112 * 32 * 27.0, "1x1": 0.0, "depthwise": 0.0}
    side, channels = 112, 32
    blocks = (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )
    for expansion, out, repeats, first_stride in blocks:
        for repeat in range(repeats):
            wide, stride = channels * expansion, first_stride if repeat == 0 else 1
            found["1x1"] += side * side * channels * wide if expansion > 1 else 0
            side //= stride
            found["depthwise"] += side * side * wide * 9
            found["1x1"] += side * side * wide * out
            channels = out
    found["1x1"] += side * side * 320 * 1280 + 1280 * 1000
    return found


def instructions_of(multiply_adds: dict[str, float], core: str) -> tuple[float, float]:
    """(least, most) million instructions of multiply-adds by kind."""
    low = sum(count / YIELD[core][kind][1] for kind, count in multiply_adds.items())
    high = sum(count / YIELD[core][kind][0] for kind, count in multiply_adds.items())
    return low / 1e6, high / 1e6


def published() -> list[Published]:
    """What boards took by others' measurements, with what we count or reckon for the same work."""
    quarter = YUNET_M / 4
    v2 = mobilenet_v2()
    return [
        Published("YuNet 160x120, float, OpenCV", "a72", 1.5, 6.2, (quarter, quarter), "OpenCV Zoo's table"),
        Published(
            "MobileNetV2-224, int8", "a72", 1.5, 22.0, instructions_of(v2, "a72"), "published, threads not said"
        ),
        Published(
            "MobileNetV2-224, int8", "a76", 2.4, 4.0, instructions_of(v2, "a76"), "published, threads not said"
        ),
    ]


def range_of(figure: Published) -> tuple[float, float]:
    """(four perfect threads at best, one thread at worst) milliseconds for a published figure's work."""
    fewest, most = (1e6 * count for count in figure.instructions)
    return estimate_ms(fewest, figure.core, figure.ghz)[0] / 4, estimate_ms(most, figure.core, figure.ghz)[1]
