"""How busy, hot and throttled a machine is, from the files in which its kernel says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bench_results import scene

from edge.bench.conditions import BusyError, Load, complaints, look, own_s, prove_quiet, waited_s
from edge.bench.marks import marks
from edge.bench.result import Condition

TICKS = os.sysconf("SC_CLK_TCK")


def stat(root: Path, busy_s: float, idle_s: float, *, steal_s: float = 0.0) -> None:
    """Of a machine of two processors."""
    words = [round(seconds * TICKS) for seconds in (busy_s, 0, 0, idle_s, 0, 0, 0, steal_s)]
    (root / "proc").mkdir(exist_ok=True)
    first = " ".join(map(str, words))
    (root / "proc/stat").write_text(f"cpu  {first} 0 0\ncpu0 {first} 0 0\ncpu1 {first} 0 0\nintr 1\n")


def test_others_work_is_what_is_not_ones_own(tmp_path: Path) -> None:
    own_s = 0.0
    stat(tmp_path, 100, 100)
    load = Load(tmp_path, clock=lambda: own_s)
    own_s = 6.0
    stat(tmp_path, 110, 108, steal_s=2.0)
    # Of 10 seconds of two processors 12 were busy, 6 of them ours.
    assert load.others_cores() == pytest.approx(0.6)
    assert load.others_cores() is None, "no time has passed"


def test_what_a_started_process_worked_is_ones_own() -> None:
    before_s = own_s()
    subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True)
    assert own_s() > before_s


def test_a_machine_that_says_nothing_is_known_to_be_nothing(tmp_path: Path) -> None:
    found = look(Load(tmp_path), tmp_path)
    assert (found.governor, found.mhz, found.celsius, found.others_cores) == (None, None, None, None)
    assert found.throttled == ()
    assert complaints(found, found) == []


def test_clock_governor_and_temperature_are_read(tmp_path: Path) -> None:
    cpu = tmp_path / "sys/devices/system/cpu/cpu0/cpufreq"
    cpu.mkdir(parents=True)
    (cpu / "scaling_governor").write_text("ondemand\n")
    (cpu / "scaling_cur_freq").write_text("1800000\n")
    zone = tmp_path / "sys/class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "temp").write_text("48312\n")
    found = look(Load(tmp_path), tmp_path)
    assert (found.governor, found.mhz, found.celsius) == ("ondemand", 1800, 48.312)


def test_the_firmwares_file_tells_of_throttling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # no vcgencmd
    folder = tmp_path / "sys/devices/platform/soc/soc:firmware"
    folder.mkdir(parents=True)
    (folder / "get_throttled").write_text("4\n")
    assert look(Load(tmp_path), tmp_path).throttled == ("throttled",)


def test_vcgencmd_tells_of_throttling_now_and_since_boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "vcgencmd"
    program.write_text("#!/bin/sh\necho throttled=0x50005\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = look(Load(tmp_path), tmp_path)
    assert found.throttled == ("undervoltage", "throttled")
    assert found.throttled_since_boot == ("undervoltage", "throttled")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (Condition(), Condition(), []),
        (Condition(others_cores=0.1), Condition(others_cores=0.15), []),
        (Condition(others_cores=0.9), None, ["busy before it began: others kept 0.90 processors at work"]),
        (Condition(throttled=("undervoltage",)), None, ["throttled before it began: undervoltage"]),
        (Condition(), Condition(others_cores=0.5), ["busy while it ran: others kept 0.50 processors at work"]),
        (
            Condition(throttled_since_boot=("undervoltage",)),
            Condition(throttled_since_boot=("undervoltage", "throttled")),
            ["throttled while it ran: throttled"],
        ),
    ],
)
def test_what_is_wrong_is_said(before: Condition, after: Condition | None, said: list[str]) -> None:
    assert complaints(before, after) == said


def test_a_busy_machine_is_refused_with_the_way_out() -> None:
    prove_quiet(Condition(others_cores=0.0))
    with pytest.raises(BusyError, match=r"busy before it began: others kept 1\.99 .* --anyway") as raised:
        prove_quiet(Condition(others_cores=1.99))
    assert raised.value.status == 2
    assert "\n" not in str(raised.value)


def test_waiting_for_a_processor_never_goes_back() -> None:
    first, second = waited_s(), waited_s()
    if first is None or second is None:
        pytest.skip("this kernel does not count how long a thread waits")
    assert 0 <= first <= second


QUIET = Condition(others_cores=0.0)
FIVE = [1.0] * 5


@pytest.mark.parametrize(
    ("fields", "complete", "said"),
    [
        ({}, True, []),
        ({}, False, ["interrupted: only what was measured by then"]),
        ({"waited_share": 0.31}, True, ["others ran while it stood ready, up to 31% of a scene's time"]),
        ({"waited_share": None}, True, []),
        ({"seconds": 9.0}, True, ["shorter than the rules ask (5 rounds, 10 s a scene)"]),
        ({"rounds_p50_ms": [1.0] * 4}, True, ["shorter than the rules ask (5 rounds, 10 s a scene)"]),
    ],
)
def test_a_run_that_breaks_a_rule_is_marked(fields: dict, complete: bool, said: list[str]) -> None:
    assert marks(QUIET, QUIET, [scene(FIVE, **fields)], complete=complete) == said
