"""Tier 5: a card that `setup.sh flash` prepared boots, without a network, into a running service."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from emulated import PROJECT
from machine import Machine, lacking
from root import Root, wheels

from deploy.flash.boot import Image

pytestmark = pytest.mark.pi

FSTAB = "/dev/vda2 / ext4 defaults,noatime 0 1\n/dev/vda1 /boot/firmware vfat defaults 0 2\n"
SEED = "datasource_list: [NoCloud]\ndatasource:\n  NoCloud:\n    seedfrom: file:///boot/firmware\n"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEexample someone"
INSTALL_S = 3600


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
        (boot / "user-data").write_text("#cloud-config\n")
        (boot / "meta-data").write_text("instance-id: rpios-image\n")
    else:
        root.write("/etc/cloud/cloud-init.disabled", "")


def flash(card: Path, suite: str, folder: Path) -> None:
    (folder / "key.pub").write_text(KEY)
    words: list[str | Path] = [
        "--image",
        card,
        "--host",
        "hall",
        "--user",
        "someone",
        "--ssh-key",
        folder / "key.pub",
    ]
    words += ["--purpose", "home", "--set", "source.kind=demo", "--wheelhouse", wheels(suite)]
    done = subprocess.run(
        [PROJECT / "setup.sh", "flash", *words],
        env=os.environ | {"MIEN_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_a_flashed_card_boots_into_a_running_service(suite: str, tmp_path: Path) -> None:
    if reason := lacking(suite):
        pytest.skip(reason)
    with Root(suite) as root:
        fill_boot(root)
        card = root.card(size_mb=2560, boot_mb=384)
        flash(card, suite, tmp_path)
        if suite == "bookworm":
            # The firmware would hand these words over; firstrun.sh ends in a restart.
            words = [
                word for word in Image(card).read("cmdline.txt").decode().split() if word.startswith("systemd.")
            ]
            assert len(words) == 3
            with Machine(suite, card, system="/dev/vda2", words=" ".join(words)) as machine:
                machine.wait_for_end()
            assert b"systemd." not in Image(card).read("cmdline.txt")
            assert not Image(card).has("firstrun.sh")
        with Machine(suite, card, system="/dev/vda2") as machine:
            machine.wait_for_shell()
            machine.wait_for("systemctl is-active mien && test ! -e /boot/firmware/mien/settings.json", INSTALL_S)
            machine.wait_for("grep -q 'done: Mien runs' /boot/firmware/mien-status.txt")
            assert machine.run("hostname")[1].strip() == "hall"
            assert KEY in machine.run("cat ~someone/.ssh/authorized_keys")[1]
            assert machine.run("cat /etc/mien/purpose")[1] == "purpose = home\n"
            assert machine.run("stat -c '%a %G' /etc/mien/web-token")[1].split() == ["640", "mien"]
            assert "firstboot" not in machine.run("ls /etc/systemd/system")[1]
            machine.run("sync")
        assert not Image(card).has("mien/settings.json")
        if suite == "trixie":
            assert KEY.encode() not in Image(card).read("user-data")
