"""Tier 4: a whole emulated computer whose camera films a face: from power-on to events, and through a power cut.

The tests run in the order of this file, on one disk that is kept from boot to boot.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from computer import BATCH_S, CAMERA, Computer
from machine import Machine, lacking
from root import Root

pytestmark = pytest.mark.pi

HISTORY = "/var/lib/mien/history.db"
KEPT = (
    "import json, sqlite3; base = sqlite3.connect('" + HISTORY + "');"
    " print(base.execute('pragma integrity_check').fetchone()[0]);"
    " print(json.dumps(base.execute('select type, track from events').fetchall()))"
)
BUSY = "while :; do cp -r /opt/mien/current/edge/assets /root/copy; rm -r /root/copy; sleep 2; done"
ALIVE = "systemctl is-active mien && systemctl show -p StatusText mien | grep running"
GROUP = "/sys/fs/cgroup/system.slice/mien.service"
PYTHON = "/opt/mien/current/venv/bin/python"
HELD = (
    f"for pid in $(cat {GROUP}/cgroup.procs); do ls -l /proc/$pid/fd; cat /proc/$pid/maps; done"
    " | grep -E '/dev/(video|media|v4l)'"
)
TIMED_OUT = 27
"""What mosquitto_sub -W ends with."""
VIVID = "/sys/bus/platform/drivers/vivid"
SLOW_S = 5.0
"""So long an emulated processor may take from the clock's word to the disk."""


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def computer(request: pytest.FixtureRequest) -> Iterator[Computer]:
    if reason := lacking(request.param):
        pytest.skip(reason)
    with Root(request.param) as root:
        computer = Computer(root)
        yield computer
        computer.off()


def tell(words: str) -> None:
    """A figure for docs/PI.md; pytest -rP shows it."""
    sys.stdout.write(f"{words}\n")


def on(computer: Computer) -> Machine:
    assert computer.machine is not None
    return computer.machine


def test_setup_installs_on_arm64(computer: Computer) -> None:
    assert computer.installed.returncode == 0, computer.installed.stderr
    assert "self-test: one face, happiness" in computer.installed.stderr
    tell(f"install: {computer.install_s:.0f} s by qemu-user")


def events(text: str) -> list[dict[str, Any]]:
    """The events in a text, one a line; a line that was cut short is none."""
    return [json.loads(line) for line in re.findall(r'^(\{"type":"(?:face|emotion)_.*\})\n', text, re.MULTILINE)]


def test_from_power_on_to_the_first_event(computer: Computer) -> None:
    machine = computer.boot()
    machine.wait_for(ALIVE)
    machine.wait_for("test -s /root/first-uptime")
    (first,) = events(machine.run("cat /root/first")[1])
    assert first["type"] == "face_appeared"
    uptime = machine.run("cut -d' ' -f1 /root/first-uptime")[1].strip()
    ready = machine.run("systemctl show --value -p ActiveEnterTimestampMonotonic mien")[1].strip()
    disk = machine.run("du -sm /opt/mien | cut -f1")[1].strip()
    tell(f"shell {computer.boot_s:.0f} s after power-on; by uptime: service ready {int(ready) / 1e6:.0f} s,")
    tell(f"first event {uptime} s; /opt/mien takes {disk} MB")


def test_it_reads_the_face_before_its_camera_under_its_unit(computer: Computer) -> None:
    machine = on(computer)
    pid = machine.run("systemctl show --value -p MainPID mien")[1].strip()
    assert "/dev/video" in machine.run(f"ls -l /proc/{pid}/fd")[1]
    assert "vivid" in machine.run("systemctl show --value -p StatusText mien")[1]
    seen = events(machine.run("mosquitto_sub -t 'mien/+/+/event/#' -C 8")[1])
    assert {event["type"] for event in seen} == {"face_appeared", "emotion_changed", "face_left"}
    assert "happiness" in {event.get("emotion") for event in seen}
    exposure = machine.run("systemd-analyze security mien --no-pager | tail -n 1")[1]
    assert float(exposure.split(":")[1].split()[0]) <= 1.5
    tell(f"exposure {exposure.strip()}")


def test_privacy_leaves_the_camera_to_others_and_takes_it_back(computer: Computer) -> None:
    machine = on(computer)
    film = f"{PYTHON} -c \"import cv2; raise SystemExit(not cv2.VideoCapture('{CAMERA}', cv2.CAP_V4L2).read()[0])\""
    assert machine.run(HELD)[0] == 0
    assert machine.run(film)[0] != 0, "one process at a time can have frames of it"
    assert machine.run("mien privacy on")[0] == 0
    assert machine.run(HELD) == (1, "")
    assert machine.run(film)[0] == 0
    assert machine.run("mosquitto_sub -t 'mien/+/+/event/#' -C 1 -W 20")[0] == TIMED_OUT
    assert machine.run("mien privacy off")[0] == 0
    assert events(machine.run("mosquitto_sub -t 'mien/+/+/event/#' -C 1")[1])
    assert machine.run(HELD)[0] == 0


def test_a_killed_and_a_stopped_service_come_back(computer: Computer) -> None:
    machine = on(computer)
    for signal, wanted in (("KILL", "killed"), ("STOP", "watchdog")):
        before = machine.run("systemctl show --value -p InvocationID mien")[1]
        machine.run(f"systemctl kill --signal={signal} mien")
        machine.wait_for(f"[ $(systemctl show --value -p InvocationID mien) != {before.strip()} ]")
        machine.wait_for(ALIVE)
        assert wanted in machine.run("journalctl --no-pager -u mien | grep -i -E 'killed|watchdog' | tail -n 4")[1]


def test_a_camera_that_was_unplugged_is_taken_up_again(computer: Computer) -> None:
    machine = on(computer)
    before = machine.run("systemctl show --value -p InvocationID mien")[1]
    machine.run(f"systemctl stop screen && echo vivid.0 >{VIVID}/unbind")
    machine.wait_for("systemctl show -p StatusText mien | grep no-source")
    machine.run(f"echo vivid.0 >{VIVID}/bind && udevadm settle && systemctl start screen")
    machine.wait_for(ALIVE)
    assert events(machine.run("mosquitto_sub -t 'mien/+/+/event/#' -C 1")[1])
    assert machine.run("systemctl show --value -p InvocationID mien")[1] == before


def test_the_memory_limit_holds_where_the_kernel_counts(computer: Computer) -> None:
    machine = on(computer)
    assert "memory" in machine.run("cat /sys/fs/cgroup/cgroup.controllers")[1]
    assert int(machine.run(f"cat {GROUP}/memory.max")[1]) == 400 << 20
    used = int(machine.run(f"cat {GROUP}/memory.current")[1])
    assert used < 400 << 20
    tell(f"memory of the service: {used >> 20} MB, the kernel's caches for it included")
    limit = "systemctl set-property --runtime mien MemoryMax={} && systemctl restart --no-block mien"
    machine.run(limit.format("20M MemorySwapMax=0"))
    machine.wait_for("journalctl --no-pager -u mien | grep -q oom-kill")
    machine.run(limit.format("400M"))
    machine.wait_for(ALIVE)


def test_a_power_cut_in_the_middle_of_writing_loses_a_batch_at_most(computer: Computer) -> None:
    machine = on(computer)
    wanted = "sha256sum /etc/mien/mien.toml /opt/mien/current/edge/assets/* /opt/mien/current/stamp"
    before = machine.run(wanted)[1]
    # The disk is busy beside it, and the serial line tells each event as the broker hands it on.
    machine.run(f"({BUSY}) >/dev/null 2>&1 &")
    machine.run("(mosquitto_sub -t 'mien/+/+/event/#' >/dev/ttyAMA0 2>/dev/null) &")
    told = machine.listen(lambda text: len(events(text)) >= 10 and spans(text, 3 * BATCH_S))
    machine = computer.boot("cgroup_disable=memory")  # as Raspberry Pi OS boots
    machine.wait_for(ALIVE)
    assert machine.run(wanted)[1] == before
    whole, kept = machine.run(f'python3 -c "{KEPT}"')[1].splitlines()
    assert whole == "ok"
    stored = {tuple(event) for event in json.loads(kept)}
    seen = events(told)
    lost = [event for event in seen if (event["type"], event["track"]) not in stored]
    tell(f"{len(seen)} events before the cut, {len(lost)} lost")
    assert len(lost) < len(seen)
    assert all(event["time_s"] >= seen[-1]["time_s"] - BATCH_S - SLOW_S for event in lost), (lost, seen[-1])


def spans(text: str, seconds: float) -> bool:
    """Whether the events in a text span more than so long."""
    times = [float(event["time_s"]) for event in events(text)]
    return max(times) - min(times) > seconds


def test_without_a_memory_controller_it_runs_all_the_same(computer: Computer) -> None:
    machine = on(computer)
    assert "memory" not in machine.run("cat /sys/fs/cgroup/cgroup.controllers")[1]
    assert machine.run("systemctl is-active mien")[1].strip() == "active"
    assert machine.run("systemctl --failed --no-legend --plain")[1].strip() == ""
    assert events(machine.run("mosquitto_sub -t 'mien/+/+/event/#' -C 1")[1])
