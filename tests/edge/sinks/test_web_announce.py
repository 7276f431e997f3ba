"""The announcement: what Avahi's program is asked to say, for how long, and what is done without it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from web_client import until

from edge.sinks.web.announce import PROGRAM, Announcement

AVAHI = """#!/bin/sh
printf '%s\\n' "$@" > "$0.asked"
exec sleep 60
"""


@pytest.fixture
def avahi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that notes what it is asked and stays, as the real one does."""
    program = tmp_path / PROGRAM
    program.write_text(AVAHI)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return program


def test_name_type_and_port_are_told_until_it_is_closed(avahi: Path) -> None:
    announcement = Announcement("Mien hall", 8321)
    asked = Path(f"{avahi}.asked")
    until(lambda: asked.exists() and asked.read_text().endswith("path=/\n"))
    assert asked.read_text().splitlines() == ["Mien hall", "_http._tcp", "8321", "path=/"]
    assert announcement.holds
    announcement.close()
    assert not announcement.holds
    announcement.close()


def test_without_avahi_the_log_says_so_and_nothing_else_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with caplog.at_level(logging.INFO):
        announcement = Announcement("Mien hall", 8321)
    assert not announcement.holds
    assert "avahi-utils" in caplog.text
    announcement.close()


def test_a_program_that_cannot_be_started_is_one_line(avahi: Path, caplog: pytest.LogCaptureFixture) -> None:
    avahi.write_text("no program")
    announcement = Announcement("Mien hall", 8321)
    assert not announcement.holds
    assert len(caplog.records) == 1
