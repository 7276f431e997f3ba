"""Power, as a Pi 5's controller tells it."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from edge.bench.energy import Meter, measure_energy, parse_watts, watts

ANSWER = """\
 3V7_WL_SW_A current(0)=0.10000000A
   VDD_CORE_A current(7)=2.00000000A
 3V7_WL_SW_V volt(8)=3.70000000V
   VDD_CORE_V volt(15)=0.75000000V
     EXT5V_V volt(24)=5.15000000V
      BATT_V volt(25)=0.00000000V
"""


def program(folder: Path, script: str) -> str:
    path = folder / "vcgencmd"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_rails_with_current_and_voltage_are_summed(tmp_path: Path) -> None:
    assert parse_watts(ANSWER) == pytest.approx(0.37 + 1.5)
    assert watts(program(tmp_path, f"cat <<'END'\n{ANSWER}END")) == pytest.approx(1.87)


@pytest.mark.parametrize("script", ['echo error=1 error_msg="Command not registered"', "exit 1", "true"])
def test_a_board_that_does_not_tell_has_no_power(tmp_path: Path, script: str) -> None:
    assert watts(program(tmp_path, script)) is None


def test_a_machine_without_the_program_has_no_energy(tmp_path: Path) -> None:
    assert watts(str(tmp_path / "none")) is None
    assert measure_energy(lambda: 1.0, 0.0, look=lambda: None) is None


def test_a_frame_costs_what_work_takes_beyond_rest() -> None:
    looks = itertools.chain([0.0], [3.0], itertools.repeat(5.0))  # once to ask whether it tells, once at rest
    found = measure_energy(lambda: 20.0, 0.0, look=lambda: next(looks))
    assert found is not None
    assert (found.idle_w, found.work_w, found.frame_mj) == (3.0, 5.0, 100.0)


def test_a_meter_that_heard_nothing_has_no_mean() -> None:
    with Meter(lambda: None) as meter:
        pass
    assert meter.mean_w is None
