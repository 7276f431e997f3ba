"""The QR code in the terminal says what it was given, and its absence is one line."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from deploy.flash import card, qr
from deploy.flash.wishes import Device, Person
from deploy.machine import Refusal

TOKEN = "7Vq-abcdefghijklmnopqrstuvwxyz_0123456789ABC"
ADDRESS = f"http://hall.local:8321/#{TOKEN}"
ORDER = card.Order(
    Device("hall", Person("pi", "", "key"), None, "en_GB.UTF-8", "Etc/UTC"), {}, TOKEN, None, Path("/nonexistent")
)
HALVES = {"█": (255, 255), "▀": (255, 0), "▄": (0, 255), " ": (0, 0)}


def picture(blocks: str) -> np.ndarray:
    """What a camera sees of a terminal with light letters: each block is two modules, one above the other."""
    lines = np.array([[HALVES[sign] for sign in line] for line in blocks.splitlines()], np.uint8)
    modules = lines.transpose(0, 2, 1).reshape(-1, lines.shape[1])
    return np.kron(modules, np.ones((8, 8), np.uint8))


def test_a_camera_reads_the_address_in_it() -> None:
    read, _, _ = cv2.QRCodeDetector().detectAndDecode(picture(qr.draw(ADDRESS)))
    assert read == ADDRESS


def test_the_address_is_told_as_text_and_as_blocks(capsys: pytest.CaptureFixture[str]) -> None:
    card.tell(ORDER)
    told = capsys.readouterr()
    assert told.err == ""
    assert told.out.splitlines()[1].strip() == ADDRESS
    assert "\n".join(told.out.splitlines()[2:]) + "\n" == qr.draw(ADDRESS)


@pytest.fixture
def without_segno(monkeypatch: pytest.MonkeyPatch) -> None:
    """A workstation that has no segno and nowhere to fetch it from."""
    monkeypatch.setattr(qr, "DRAW", "import no_such_module")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")


@pytest.mark.usefixtures("without_segno")
def test_without_it_there_is_one_line_and_the_address_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Refusal):
        qr.draw(ADDRESS)
    card.tell(ORDER)
    told = capsys.readouterr()
    assert told.out.splitlines()[1:] == [f"  {ADDRESS}"]
    assert told.err.startswith("setup.sh: no QR code: ")
    assert told.err.endswith("; sudo apt install python3-segno brings what draws it\n")
    assert (told.err.count("\n"), TOKEN in told.err) == (1, False)
