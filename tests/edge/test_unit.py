"""A look from inside takes the service's walls and leaves out what makes it the service."""

from __future__ import annotations

from pathlib import Path

from edge.unit import EXAMINE, unit_like

UNIT = Path(__file__).resolve().parents[2] / "systemd/mien.service"


def test_every_wall_is_taken_and_nothing_that_touches_the_running_service() -> None:
    lines = unit_like(UNIT.read_text() + "\n# drop-in\n[Service]\nDeviceAllow=char-gpiochip rw\n").splitlines()
    for wall in (
        "User=mien",
        "MemoryDenyWriteExecute=yes",
        "DevicePolicy=closed",
        "SystemCallFilter=@system-service",
    ):
        assert wall in lines
    assert "DeviceAllow=char-gpiochip rw" in lines
    assert [line for line in lines if line.startswith("ExecStart")] == [f"ExecStart={EXAMINE}"]
    assert [line for line in lines if line.startswith("Type=")] == ["Type=oneshot"]
    assert not any(line.startswith(("RuntimeDirectory", "Restart", "Watchdog", "WantedBy")) for line in lines)
