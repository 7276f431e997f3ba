"""Tier 5: a card that `setup.sh flash` prepared boots into a running service, without a network and with one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from emulated import PROJECT
from machine import Machine, lacking
from root import Root, wheels

from deploy.flash.boot import Image

pytestmark = pytest.mark.pi

FSTAB = "/dev/vda2 / ext4 defaults,noatime 0 1\n/dev/vda1 /boot/firmware vfat defaults 0 2\n"
SEED = "datasource_list: [NoCloud]\ndatasource:\n  NoCloud:\n    seedfrom: file:///boot/firmware\n"
MOUNTED = "[Unit]\nRequiresMountsFor=/boot/firmware\n"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEexample someone"
INSTALL_S = 3600
CABLE = "[Match]\nName=en* eth*\n[Network]\nDHCP=yes\n"
NAMES = "nameserver 10.0.2.3\n"
"""The name server that qemu plays."""
PIP = "[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n"
"""Whom this machine trusts, the emulated one trusts as well."""


def fill_boot(root: Root) -> None:
    """What a boot partition of Raspberry Pi OS has, as far as flash looks; the firmware is not emulated."""
    boot = root.folder / "boot"
    boot.mkdir()
    (boot / "cmdline.txt").write_text("console=serial0,115200 root=PARTUUID=0-02 rootfstype=ext4 rootwait quiet\n")
    (boot / "config.txt").write_text("[all]\n")
    date = {"bookworm": "2025-05-13", "trixie": "2025-12-04"}[root.suite]
    (boot / "issue.txt").write_text(f"Raspberry Pi reference {date}\n")
    root.write("/etc/fstab", FSTAB)
    (root.path / "boot/firmware").mkdir(parents=True, exist_ok=True)
    if root.suite == "trixie":
        root.write("/etc/cloud/cloud.cfg.d/99_card.cfg", SEED)
        for unit in ("cloud-init-main", "cloud-init-local"):
            root.write(f"/etc/systemd/system/{unit}.service.d/card.conf", MOUNTED)
        (boot / "user-data").write_text("#cloud-config\n")
        (boot / "meta-data").write_text("instance-id: rpios-image\n")
    else:
        root.write("/etc/cloud/cloud-init.disabled", "")


def connect(root: Root) -> None:
    """What Raspberry Pi OS has of itself: the cable gets its address by DHCP."""
    root.write("/etc/systemd/network/80-cable.network", CABLE)
    for target, unit in (("multi-user", "systemd-networkd"), ("network-online", "systemd-networkd-wait-online")):
        root.link(
            f"/etc/systemd/system/{target}.target.wants/{unit}.service", f"/usr/lib/systemd/system/{unit}.service"
        )
    root.write("/etc/resolv.conf", NAMES)
    root.write("/etc/pip.conf", PIP)


def flash(card: Path, folder: Path, *words: str | Path) -> None:
    (folder / "key.pub").write_text(KEY)
    told: list[str | Path] = ["--host", "hall", "--user", "someone", "--ssh-key", folder / "key.pub"]
    told += ["--purpose", "home", "--set", "source.kind=demo", *words]
    done = subprocess.run(
        [PROJECT / "setup.sh", "flash", "--image", card, *told],
        env=os.environ | {"MIEN_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def begin(suite: str, card: Path) -> None:
    """The boot that only Bookworm needs. The firmware would hand the words over; firstrun.sh ends in a restart."""
    if suite != "bookworm":
        return
    words = [word for word in Image(card).read("cmdline.txt").decode().split() if word.startswith("systemd.")]
    assert len(words) == 3
    with Machine(suite, card, system="/dev/vda2", words=" ".join(words)) as machine:
        machine.wait_for_end()
    assert b"systemd." not in Image(card).read("cmdline.txt")
    assert not Image(card).has("firstrun.sh")


def installed(machine: Machine) -> None:
    """Until mien-firstboot.service has done its work; what it has said is what a failure shows."""
    machine.wait_for_shell()
    try:
        machine.wait_for("systemctl is-active mien && test ! -e /boot/firmware/mien/settings.json", INSTALL_S)
        machine.wait_for("grep -q 'done: Mien runs' /boot/firmware/mien-status.txt")
    finally:
        sys.stdout.write(machine.run("cat /proc/uptime /boot/firmware/mien-status.txt")[1])


@pytest.fixture(params=["bookworm", "trixie"])
def root(request: pytest.FixtureRequest) -> Iterator[Root]:
    """What is on the card's second partition."""
    if reason := lacking(request.param):
        pytest.skip(reason)
    with Root(request.param) as root:
        fill_boot(root)
        yield root


def test_a_flashed_card_boots_into_a_running_service(root: Root, tmp_path: Path) -> None:
    card = root.card(size_mb=2560, boot_mb=384)
    flash(card, tmp_path, "--wheelhouse", wheels(root.suite))
    if root.suite == "trixie":
        (root.path / "srv/user-data").write_bytes(Image(card).read("user-data"))
        checked = root.run("cloud-init", "schema", "--config-file", "/srv/user-data")
        assert checked.returncode == 0, checked.stdout + checked.stderr
    begin(root.suite, card)
    with Machine(root.suite, card, system="/dev/vda2") as machine:
        installed(machine)
        assert machine.run("hostname")[1].strip() == "hall"
        assert KEY in machine.run("cat ~someone/.ssh/authorized_keys")[1]
        assert machine.run("cat /etc/mien/purpose")[1] == "purpose = home\n"
        assert machine.run("stat -c '%a %G' /etc/mien/web-token")[1].split() == ["640", "mien"]
        assert "firstboot" not in machine.run("ls /etc/systemd/system")[1]
        machine.run("sync")
    assert not Image(card).has("mien/settings.json")
    if root.suite == "trixie":
        assert KEY.encode() not in Image(card).read("user-data")


def test_a_card_without_wheels_fetches_them(root: Root, tmp_path: Path) -> None:
    """Needs a network, from which apt and pip take what they take on a Pi."""
    connect(root)
    card = root.card(size_mb=2560, boot_mb=128)
    flash(card, tmp_path)
    begin(root.suite, card)
    with Machine(root.suite, card, system="/dev/vda2", network=True) as machine:
        installed(machine)
        assert machine.run("mien --version")[0] == 0
