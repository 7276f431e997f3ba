"""The board's own words, read from where the kernel and the firmware put them."""

from pathlib import Path

import pytest

from edge import board


def device(root: Path, path: str, content: str) -> Path:
    (root / path).parent.mkdir(parents=True)
    (root / path).write_text(content)
    return root


def test_the_model_is_read_without_its_trailing_nul(tmp_path: Path) -> None:
    root = device(tmp_path, "proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0")
    assert board.model(root) == "Raspberry Pi 4 Model B Rev 1.4"


def test_the_temperature_is_in_degrees(tmp_path: Path) -> None:
    assert board.temperature_celsius(device(tmp_path, "sys/class/thermal/thermal_zone0/temp", "48312\n")) == 48.312


def test_a_machine_that_is_no_pi_tells_nothing(tmp_path: Path) -> None:
    assert board.model(tmp_path) is None
    assert board.temperature_celsius(tmp_path) is None


@pytest.mark.parametrize(
    ("answer", "now", "since_boot"),
    [
        ("throttled=0x0\n", (), ()),
        ("throttled=0x50005\n", ("undervoltage", "throttled"), ("undervoltage", "throttled")),
        ("throttled=0x80008\n", ("soft temperature limit",), ("soft temperature limit",)),
        ("throttled=0x20000\n", (), ("frequency capped",)),
    ],
)
def test_throttling_bits_are_told_apart(answer: str, now: tuple, since_boot: tuple) -> None:
    assert board.parse_throttling(answer) == board.Throttling(now, since_boot)


def test_a_firmware_that_gives_no_answer_is_said_so() -> None:
    with pytest.raises(OSError, match="no answer"):
        board.throttling("false")
    with pytest.raises(OSError, match="no answer"):
        board.throttling("echo")
