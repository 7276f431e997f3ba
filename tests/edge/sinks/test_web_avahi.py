"""The announcement heard by Avahi itself: its daemon and a bus in a network of their own, nobody else in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BUS = """<busconfig><listen>unix:path={folder}/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy></busconfig>"""
SETTINGS = """[server]
host-name=mien-test
allow-interfaces=mien0
use-ipv6=no
enable-dbus=yes
disallow-other-stacks=no
[publish]
publish-workstation=no
[rlimits]
"""
INSIDE = """
set -e
ip link set lo up
ip link add mien0 type veth peer name mien1
ip link set mien1 up
ip link set mien0 up multicast on
ip addr add 192.0.2.7/24 dev mien0
mount -t tmpfs tmpfs /run
mkdir -p /run/avahi-daemon /run/dbus
dbus-daemon --config-file="$1/bus.xml" --nofork --nopidfile &
bus=$!
export DBUS_SYSTEM_BUS_ADDRESS="unix:path=$1/bus"
until [ -S "$1/bus" ]; do sleep 0.05; done
avahi-daemon --no-drop-root --no-chroot --no-rlimits -f "$1/avahi.conf" &
daemon=$!
trap 'kill $bus $daemon' EXIT
until avahi-browse -at >/dev/null 2>&1; do sleep 0.1; done
"$2" "$3" "$1"
"""
WANTED = ("avahi-daemon", "avahi-browse", "avahi-publish-service", "dbus-daemon", "unshare", "ip")
SYSTEM_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def can_have_a_network_of_its_own() -> bool:
    command = ["unshare", "-n", "-m", "ip", "link", "add", "mien0", "type", "veth", "peer", "name", "mien1"]
    found = all(shutil.which(program, path=SYSTEM_PATH) for program in WANTED)
    return found and subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(
    not can_have_a_network_of_its_own(),
    reason="needs root, avahi-daemon, avahi-utils, dbus-daemon, unshare, ip",
)
def test_avahi_tells_of_the_page_while_it_is_served_and_no_longer(tmp_path: Path) -> None:
    (tmp_path / "bus.xml").write_text(BUS.format(folder=tmp_path))
    (tmp_path / "avahi.conf").write_text(SETTINGS)
    script = Path(__file__).with_name("avahi_heard.py")
    command = ["unshare", "-n", "-m", "sh", "-c", INSIDE, "sh", str(tmp_path), sys.executable, str(script)]
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=240, env={**os.environ, "PATH": SYSTEM_PATH}
    )
    assert result.returncode == 0, result.stdout + result.stderr
    while_served, afterwards = result.stdout.splitlines()
    assert while_served == "Mien hall _http._tcp mien-test.local 192.0.2.7 path=/"
    assert afterwards == "nothing"
