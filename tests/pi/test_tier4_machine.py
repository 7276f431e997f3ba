"""Tier 4: a whole emulated computer with a virtual camera: from power-on to events, and through a power cut.

The tests run in the order of this file, on one disk that is kept from boot to boot.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator

import pytest
from machine import Machine, Root, lacking

pytestmark = pytest.mark.pi

SETTINGS = (
    "source.width=320", "source.height=240", "source.fps=5", "web.enabled=false", "mqtt.enabled=true",
    "history.enabled=true", "history.batch_s=1",
)  # fmt: skip
FIRST = """[Unit]
After=mosquitto.service
[Service]
ExecStart=/bin/sh -c "mosquitto_sub -t 'mien/+/+/state' -C 1 >/root/first && cp /proc/uptime /root/first-uptime"
Restart=on-failure
[Install]
WantedBy=multi-user.target
"""
HISTORY = "/var/lib/mien/history.db"
COUNT = (
    "import sqlite3, sys; base = sqlite3.connect('file:' + sys.argv[1] + '?mode=ro', uri=True);"
    " names = [name for name, kind in base.execute('select name, type from sqlite_master') if kind == 'table'];"
    " print(base.execute('pragma integrity_check').fetchone()[0],"
    " sum(base.execute('select count(*) from ' + name).fetchone()[0] for name in names))"
)
ALIVE = "systemctl is-active mien && systemctl show -p StatusText mien | grep running"


class Computer:
    """A disk with Mien on it, and the machine that it is in at the moment."""

    def __init__(self, root: Root) -> None:
        self.suite = root.suite
        began_s = time.monotonic()
        self.installed = root.run(
            "/srv/mien/setup.sh", "install", "--offline", "/srv/wheels", "--purpose", "home", "--source", "v4l2",
            *(word for change in SETTINGS for word in ("--set", change)),
        )  # fmt: skip
        self.install_s = time.monotonic() - began_s
        root.write("/etc/modules-load.d/vivid.conf", "vivid\n")
        root.write("/etc/modprobe.d/vivid.conf", "options vivid n_devs=1 node_types=0x1\n")
        root.write("/etc/systemd/system/first.service", FIRST)
        root.link("/etc/systemd/system/multi-user.target.wants/first.service", "../first.service")
        root.write("/etc/cloud/cloud-init.disabled", "")
        self.disk = root.disk()
        self.machine: Machine | None = None

    def boot(self, words: str = "") -> Machine:
        """Pull the plug if it is on, and switch it on again."""
        self.off()
        self.machine = Machine(self.suite, self.disk, words=words)
        self.boot_s = self.machine.wait_for_shell()
        return self.machine

    def off(self) -> None:
        if self.machine is not None:
            self.machine.__exit__()
            self.machine = None


@pytest.fixture(scope="module")
def computer() -> Iterator[Computer]:
    if reason := lacking("bookworm"):
        pytest.skip(reason)
    with Root("bookworm") as root:
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


def test_from_power_on_to_the_first_event(computer: Computer) -> None:
    machine = computer.boot()
    machine.wait_for(ALIVE, 240)
    machine.wait_for("test -s /root/first-uptime", 240)
    first = json.loads(machine.run("cat /root/first")[1])
    assert first["type"] == "state"
    uptime = machine.run("cut -d' ' -f1 /root/first-uptime")[1].strip()
    disk = machine.run("du -sm /opt/mien | cut -f1")[1].strip()
    tell(f"shell after {computer.boot_s:.0f} s, first state event at {uptime} s of uptime, {disk} MB")


def test_it_reads_the_camera_under_its_unit(computer: Computer) -> None:
    machine = on(computer)
    pid = machine.run("systemctl show --value -p MainPID mien")[1].strip()
    assert "/dev/video0" in machine.run(f"ls -l /proc/{pid}/fd")[1]
    before = json.loads(machine.run("mosquitto_sub -t 'mien/+/+/state' -C 1")[1])
    after = json.loads(machine.run("mosquitto_sub -t 'mien/+/+/state' -C 2 | tail -n 1")[1])
    assert after["frame"] > before["frame"]
    exposure = machine.run("systemd-analyze security mien --no-pager | tail -n 1")[1]
    assert float(exposure.split(":")[1].split()[0]) <= 1.5


def test_a_killed_and_a_stopped_service_come_back(computer: Computer) -> None:
    machine = on(computer)
    machine.run("mkdir -p /run/systemd/system/mien.service.d")
    machine.run("printf '[Service]\\nWatchdogSec=20\\nRestartSec=1\\n' >/run/systemd/system/mien.service.d/t.conf")
    machine.run("systemctl daemon-reload; systemctl restart mien", 200)
    machine.wait_for(ALIVE, 240)
    machine.run("systemctl kill --signal=KILL mien")
    machine.wait_for("[ $(systemctl show --value -p NRestarts mien) = 1 ]")
    machine.wait_for(ALIVE, 240)
    machine.run("systemctl kill --signal=STOP mien")
    machine.wait_for("[ $(systemctl show --value -p NRestarts mien) = 2 ]", 240)
    machine.wait_for(ALIVE, 240)
    machine.run("rm /run/systemd/system/mien.service.d/t.conf; systemctl daemon-reload")


def test_the_memory_limit_holds_where_the_kernel_counts(computer: Computer) -> None:
    machine = on(computer)
    assert "memory" in machine.run("cat /sys/fs/cgroup/cgroup.controllers")[1]
    machine.run(
        "systemctl set-property --runtime mien MemoryMax=20M MemorySwapMax=0; systemctl restart --no-block mien"
    )
    machine.wait_for("journalctl -u mien | grep -q oom-kill", 240)
    machine.run("systemctl set-property --runtime mien MemoryMax=400M; systemctl restart --no-block mien")
    machine.wait_for(ALIVE, 240)


def test_a_power_cut_in_the_middle_of_writing_loses_a_batch_at_most(computer: Computer) -> None:
    machine = on(computer)
    # A marker of events: each start of the service is one row's worth of state, and batches go out every second.
    machine.wait_for(f"test -s {HISTORY}", 120)
    wanted = "sha256sum /etc/mien/mien.toml /opt/mien/current/edge/assets/*.tflite"
    before = machine.run(wanted)[1]
    rows = f'python3 -c "{COUNT}" {HISTORY}'
    had = machine.run(rows)[1]
    machine = computer.boot("cgroup_disable=memory")  # as Raspberry Pi OS boots
    machine.wait_for(ALIVE, 240)
    assert machine.run(wanted)[1] == before
    has = machine.run(rows)[1]
    assert has.startswith("ok"), has
    assert int(has.split()[-1]) >= int(had.split()[-1]) - 1


def test_without_a_memory_controller_it_runs_all_the_same(computer: Computer) -> None:
    machine = on(computer)
    assert "memory" not in machine.run("cat /sys/fs/cgroup/cgroup.controllers")[1]
    assert machine.run("systemctl is-active mien")[1].strip() == "active"
    assert machine.run("systemctl is-failed '*' --quiet; systemctl --failed --no-legend --plain")[1].strip() == ""
