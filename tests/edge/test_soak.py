"""A day in an hour: memory, threads and descriptors stay as they are. Some seconds of it run with every change."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SOAKING = Path(__file__).with_name("soaking.py")
DAY_FRAMES = 24 * 3600 * 15


def soaked(unit: str, most: int, every: int) -> dict:
    command = [sys.executable, str(SOAKING), unit, str(most), str(every)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=SOAKING.parents[2])
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def growth_in_a_day(samples: np.ndarray) -> float:
    """The slope of resident memory after warm-up (the first third), carried on to a day at 15 fps; 1 doubles it."""
    warm = samples[len(samples) // 3 :]
    slope = np.polyfit(warm[:, 0], warm[:, 1], 1)[0]
    return float(slope * DAY_FRAMES / warm[:, 1].mean())


def check_flat(found: dict) -> np.ndarray:
    samples = np.array(found["samples"])
    warm = samples[len(samples) // 3 :]
    assert np.ptp(warm[:, 2]) <= 2, "threads: one that switches privacy may be under way"
    assert np.ptp(warm[:, 3]) <= 4, "descriptors: the source's, and the database's while it is written"
    return samples


def test_a_short_run_with_losses_reloads_and_privacy_grows_by_nothing() -> None:
    found = soaked("frames", 240, 8)
    samples = check_flat(found)
    assert len(samples) >= 6
    assert found["private"] >= 1
    assert found["reloads"] >= 1
    warm = samples[len(samples) // 3 :, 1]
    assert warm[-1] - warm[0] < 8e6


@pytest.mark.soak
def test_an_hour_at_full_speed_carried_on_to_a_day_grows_by_less_than_two_per_cent() -> None:
    found = soaked("seconds", 3600, 1000)
    samples = check_flat(found)
    assert found["lost"] >= 10
    assert growth_in_a_day(samples) < 0.02
