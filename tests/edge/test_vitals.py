"""What the machine says of itself, from a tree of files like the real one, and from the real one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edge import vitals
from edge.vitals import Vitals, look


def machine(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


FIRMWARE = "sys/devices/platform/soc/soc:firmware/get_throttled"


def test_the_warmest_zone_counts_and_the_pages_become_bytes(tmp_path: Path) -> None:
    zones = "sys/class/thermal/thermal_zone"
    files = {
        f"{zones}0/temp": "48312\n",
        f"{zones}1/temp": "51000\n",
        "proc/self/statm": "90000 20000 5000 1 0 9 0\n",
    }
    assert look(machine(tmp_path, files)) == Vitals(20000 * vitals.PAGE_BYTES, 51.0, throttled=False)


def test_a_machine_that_says_nothing_is_no_trouble(tmp_path: Path) -> None:
    assert look(tmp_path) == Vitals(0, None, throttled=False)
    files = {"sys/class/thermal/thermal_zone0/temp": "N/A", FIRMWARE: "?", "proc/self/statm": ""}
    assert look(machine(tmp_path, files)) == Vitals(0, None, throttled=False)


@pytest.mark.parametrize(
    ("word", "throttled"),
    [("0", False), ("1", False), ("2", True), ("4", True), ("8", True), ("50000", False), ("e0008", True)],
)
def test_only_what_slows_it_down_now_is_throttling(tmp_path: Path, word: str, throttled: bool) -> None:
    assert look(machine(tmp_path, {FIRMWARE: f"{word}\n"})).throttled is throttled


def alone(script: str) -> list[int]:
    """The numbers that a process of its own prints: from a large one the kernel may take back meanwhile what lay
    untouched for long, and that would be counted, too.
    """
    head = "import numpy as np\nfrom edge.vitals import give_back, resident_bytes\n"
    done = subprocess.run([sys.executable, "-c", head + script], check=True, capture_output=True, text=True)
    return [int(word) for word in done.stdout.split()]


def test_the_real_machine_counts_what_is_really_resident() -> None:
    (grown,) = alone(
        """
before = resident_bytes()
ballast = np.ones(50_000_000, np.uint8)
print(resident_bytes() - before)
assert ballast.any()
"""
    )
    assert 40e6 < grown < 90e6


def test_what_lies_free_between_used_pieces_goes_back_to_the_system() -> None:
    freed, given_back = alone(
        """
give_back()
before = resident_bytes()
pieces = [np.ones(4000, np.uint8) for _ in range(20_000)]
held = pieces[::100]
del pieces
print(resident_bytes() - before)
give_back()
print(resident_bytes() - before)
assert len(held) == 200
"""
    )
    assert freed > 60e6, "freed, and yet resident: or this test says nothing"
    assert given_back < 20e6
