"""An arm64 Debian as a folder: changed by its own programs, which qemu-user runs, and made into a disk or a card.

setup.sh --tier 4 builds what it is a copy of. Needs root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from emulated import PROJECT, SETUP, cache

from deploy import release

KNOWN = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
SHELL = """[Unit]
Description=A shell on the serial line, for the tests
[Service]
ExecStart=/bin/sh -c "stty -echo -onlcr; echo @here@; exec bash --noprofile --norc --noediting"
StandardInput=tty-force
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyAMA0
TTYReset=yes
Environment=HOME=/root PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb PS1= PS2=
Restart=always
[Install]
WantedBy=multi-user.target
"""


def lacking(suite: str) -> str:
    """What must be there to run programs in a copy and is not; "" if nothing."""
    if os.geteuid() != 0:
        return "changing an arm64 root needs root"
    if not KNOWN.exists():
        return f"the kernel does not know what to do with arm64 programs: {SETUP} --tier 4"
    if not (cache() / f"{suite}-arm64/stamp").is_file() or not wheels(suite).is_dir():
        return f"no arm64 {suite} in {cache()}: {SETUP} --tier 4"
    return ""


def wheels(suite: str) -> Path:
    """The wheels of the lock file for arm64."""
    return cache() / f"wheels-{suite}-aarch64"


class Root:
    """A copy of a built root, to be changed and made into a disk. Use it in a with statement."""

    def __init__(self, suite: str) -> None:
        self.suite = suite
        self.folder = Path(tempfile.mkdtemp(prefix=f"mien-{suite}-", dir=cache()))
        self.path = self.folder / "root"
        subprocess.run(["cp", "-a", "--reflink=auto", cache() / f"{suite}-arm64", self.path], check=True)
        source = self.folder / "source"
        source.mkdir()
        release.copy(PROJECT, source)
        self.write("/etc/systemd/system/mien-test-shell.service", SHELL)
        self.link(
            "/etc/systemd/system/multi-user.target.wants/mien-test-shell.service", "../mien-test-shell.service"
        )
        self.link("/etc/systemd/system/serial-getty@ttyAMA0.service", "/dev/null")
        self.write("/etc/hostname", "mien-test\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, name: str, text: str) -> None:
        """A file in it."""
        path = self.path / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def link(self, name: str, target: str) -> None:
        """A symbolic link in it."""
        path = self.path / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(target)

    def run(self, *command: str, processor: str = "a72") -> subprocess.CompletedProcess[str]:
        """Run a program in it by qemu-user, which must show it an Arm core's /proc/cpuinfo."""
        script = """
            root=$1 source=$2 wheels=$3 cpuinfo=$4 processor=$5; shift 5
            mkdir -p "$root/srv/mien" "$root/srv/wheels"
            mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"; mount -t sysfs sysfs "$root/sys"
            mount -t tmpfs tmpfs "$root/run"; mount --bind "$cpuinfo" "$root/proc/cpuinfo"
            mount --bind "$source" "$root/srv/mien"; mount --bind "$wheels" "$root/srv/wheels"
            exec chroot "$root" /usr/bin/env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
                HOME=/root LANG=C.UTF-8 OPENBLAS_CORETYPE=ARMV8 QEMU_CPU=cortex-$processor "$@"
        """
        cpuinfo = cache() / "processors" / processor / "proc/cpuinfo"
        words = [self.path, self.folder / "source", wheels(self.suite), cpuinfo, processor, *command]
        return subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "bash", "-ec", script, "_", *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
        )

    def disk(self, size_mb: int = 2048) -> Path:
        """An ext4 file system of it."""
        image = self.folder / "disk.img"
        filesystem(self.path, image, size_mb)
        return image

    def card(self, size_mb: int = 2048, boot_mb: int = 256) -> Path:
        """A card as Raspberry Pi OS has it: a FAT partition with what flash looks for, then the root."""
        image, fat, rest = (self.folder / name for name in ("card.img", "fat.img", "rest.img"))
        start, sectors = 8192, boot_mb * 2048
        with image.open("wb") as file:
            file.truncate((4 + boot_mb + size_mb) << 20)
        table = f"label: dos\nunit: sectors\nstart={start},size={sectors},type=c,bootable\n"
        table += f"start={start + sectors},type=83\n"
        subprocess.run(["sfdisk", "--quiet", image], input=table.encode(), check=True)
        with fat.open("wb") as file:
            file.truncate(boot_mb << 20)
        # mtools rejects a FAT that was made in its place within the image.
        subprocess.run(["mkfs.vfat", "-F", "32", "-n", "bootfs", fat], stdout=subprocess.DEVNULL, check=True)
        subprocess.run(["mcopy", "-i", fat, *sorted((self.folder / "boot").iterdir()), "::/"], check=True)
        filesystem(self.path, rest, size_mb)
        for part, offset_mb in ((fat, 4), (rest, 4 + boot_mb)):
            words = [
                f"if={part}",
                f"of={image}",
                "bs=1M",
                f"seek={offset_mb}",
                "conv=notrunc,sparse",
                "status=none",
            ]
            subprocess.run(["dd", *words], check=True)
            part.unlink()
        return image


def filesystem(root: Path, image: Path, size_mb: int) -> None:
    """An ext4 image straight from a folder, without a loop device."""
    with image.open("wb") as file:
        file.truncate(size_mb << 20)
    options = "lazy_itable_init=0,root_owner=0:0"
    subprocess.run(["mkfs.ext4", "-q", "-L", "rootfs", "-E", options, "-d", root, image], check=True)
