"""Bookworm's first boot: firstrun.sh itself, on a made-up system with and without Raspberry Pi's own helpers.

The programs that change users and services are played; each writes down how it was called.
"""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from deploy.flash import firstrun
from deploy.flash.wishes import Device, Person, Wifi

LINE = "console=serial0,115200 root=PARTUUID=1234abcd-02 rootwait quiet"
HASH = "$6$salt$hashed"
KEY = "ssh-ed25519 AAAA someone"
PSK = "ab" * 32
DEVICE = Device("hall", Person("someone", HASH, KEY), Wifi("Café", PSK, "DE"), "de_DE.UTF-8", "Europe/Berlin")
PLAYED = ["usermod", "groupmod", "useradd", "systemctl", "chown", "install", "rfkill", "raspi-config", "locale-gen"]
GETENT = """#!/bin/sh
name=$(cat "$STATE"); echo "$name:x:1000:1000::$HOMES/$name:/bin/bash" | grep "^$2:\\|:x:$2:"
"""
LOG = '#!/bin/sh\necho "${0##*/} $*" >>"$LOG"\n'
RENAMES = LOG + 'if [ "$1" = --login ]; then echo "$2" >"$STATE"; mkdir -p "$HOMES/$2/.ssh"; fi\n'


class System:
    """A boot partition with firstrun.sh, and what it meets; it thinks that the folder is the whole system."""

    def __init__(self, folder: Path, *, helpers: bool) -> None:
        self.folder, self.boot, self.etc = folder, folder / "boot", folder / "etc"
        for path in (self.boot / "mien", self.etc / "sudoers.d", self.etc / "default", folder / "homes/pi/.ssh"):
            path.mkdir(parents=True)
        (self.etc / "hosts").write_text("127.0.0.1\tlocalhost\n127.0.1.1\traspberrypi\n")
        (folder / "user").write_text("pi\n")
        for name in PLAYED:
            self.program(f"bin/{name}", RENAMES if name == "usermod" else LOG)
        self.program("bin/getent", GETENT)
        self.program("boot/mien/begin.sh", LOG)
        if helpers:
            self.program("mods/imager_custom", LOG)
            self.program("userconf/userconf", LOG + 'echo "$1" >"$STATE"; mkdir -p "$HOMES/$1/.ssh"\n')
        (self.boot / "cmdline.txt").write_text(firstrun.command_line(LINE + "\n"))
        self.script = firstrun.script(DEVICE).replace("/usr/lib/raspberrypi-sys-mods/", f"{folder}/mods/")
        self.script = self.script.replace("/usr/lib/userconf-pi/", f"{folder}/userconf/")
        self.script = self.script.replace("/etc/", f"{self.etc}/").replace("/home/", f"{folder}/homes/")

    def program(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def run(self) -> list[str]:
        """One boot; what was called."""
        (self.boot / "firstrun.sh").write_text(self.script)
        log = self.folder / "log"
        log.unlink(missing_ok=True)
        variables = {"PATH": f"{self.folder}/bin:/usr/bin:/bin", "LOG": str(log)}
        variables |= {"STATE": str(self.folder / "user"), "HOMES": str(self.folder / "homes")}
        done = subprocess.run(["bash", self.boot / "firstrun.sh"], env=variables, capture_output=True, check=False)
        assert done.returncode == 0
        return log.read_text().splitlines()


@pytest.mark.parametrize("helpers", [True, False])
def test_the_script_does_its_work_once_and_is_gone(tmp_path: Path, *, helpers: bool) -> None:
    system = System(tmp_path, helpers=helpers)
    called = system.run()
    assert (system.boot / "cmdline.txt").read_text() == LINE + "\n"
    assert not (system.boot / "firstrun.sh").exists()
    assert called[-1] == "begin.sh later"
    assert f"usermod --password {HASH} someone" in called
    assert (tmp_path / "homes/someone/.ssh/authorized_keys").read_text() == KEY + "\n"
    assert (system.etc / "timezone").read_text() == "Europe/Berlin\n"
    assert (system.etc / "default/locale").read_text() == "LANG=de_DE.UTF-8\n"
    assert (system.etc / "sudoers.d/010_someone").read_text() == "someone ALL=(ALL) NOPASSWD: ALL\n"


def test_where_raspberry_pis_helpers_are_they_are_asked(tmp_path: Path) -> None:
    system = System(tmp_path, helpers=True)
    called = system.run()
    assert "imager_custom set_hostname hall" in called
    assert f"imager_custom set_wlan Café {PSK} DE" in called
    assert f"userconf someone {HASH}" in called
    assert not (system.etc / "hostname").exists()
    assert not (system.etc / "NetworkManager").exists()


def test_without_them_it_is_done_by_hand(tmp_path: Path) -> None:
    system = System(tmp_path, helpers=False)
    called = system.run()
    assert (system.etc / "hostname").read_text() == "hall\n"
    assert f"usermod --login someone --home {tmp_path}/homes/someone --move-home pi" in called
    assert "groupmod --new-name someone pi" in called
    assert "raspi-config nonint do_wifi_country DE" in called
    profile = system.etc / "NetworkManager/system-connections/mien.nmconnection"
    assert profile.stat().st_mode & 0o777 == 0o600
    ssid = "".join(f"{byte};" for byte in "Café".encode())
    assert {f"ssid={ssid}", f"psk={PSK}"} <= set(profile.read_text().splitlines())


@pytest.mark.parametrize("helpers", [True, False])
def test_a_cut_before_its_end_makes_the_next_boot_do_it_again(tmp_path: Path, *, helpers: bool) -> None:
    system = System(tmp_path, helpers=helpers)
    whole = system.script
    system.script = whole[: whole.index("sed 's| systemd")]  # the plug is pulled there
    system.run()
    assert (system.boot / "cmdline.txt").read_text() == firstrun.command_line(LINE + "\n")
    system.script = whole
    system.run()
    assert (system.boot / "cmdline.txt").read_text() == LINE + "\n"
    assert (system.etc / "hosts").read_text().count("127.0.1.1") == 1
    assert not [line for line in system.run() if "--login" in line or "userconf" in line]
