"""An emulated computer: arm64, its own kernel, a Cortex-A72, a disk; driven by a shell on its serial line.

setup.sh --tier 4 builds what it boots. Its clock runs as fast as this machine emulates: no time of it is a Pi's.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from emulated import HERE, PROJECT, SETUP, cache

from deploy import release

MEMORY_MB = 1024
BOOT_S = 400
TOOLS = ("qemu-system-aarch64", "mkfs.ext4", "mkfs.vfat", "mcopy", "sfdisk")
SHELL = """[Unit]
Description=A shell on the serial line, for the tests
[Service]
ExecStart=/bin/bash --noprofile --norc
StandardInput=tty-force
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyAMA0
TTYReset=yes
Environment=HOME=/root PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb PS1=
Restart=always
[Install]
WantedBy=multi-user.target
"""
os.environ["PATH"] += ":/usr/sbin"  # where Debian keeps mkfs, and a user's PATH does not look


def lacking(suite: str) -> str:
    """What must be there to boot a machine and is not; "" if nothing."""
    if os.geteuid() != 0:
        return "making a machine's disk needs root"
    for name in TOOLS:
        if shutil.which(name) is None:
            return f"{name} is missing: {SETUP} --tier 4"
    if not (cache() / f"{suite}-arm64/stamp").is_file():
        return f"no arm64 {suite} to boot in {cache()}: {SETUP} --tier 4"
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

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program in it by qemu-user, which must show it an Arm core's /proc/cpuinfo."""
        script = """
            root=$1 source=$2 wheels=$3 cpuinfo=$4; shift 4
            mkdir -p "$root/srv/mien" "$root/srv/wheels"
            mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"; mount -t sysfs sysfs "$root/sys"
            mount -t tmpfs tmpfs "$root/run"; mount --bind "$cpuinfo" "$root/proc/cpuinfo"
            mount --bind "$source" "$root/srv/mien"; mount --bind "$wheels" "$root/srv/wheels"
            exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
                OPENBLAS_CORETYPE=ARMV8 QEMU_CPU=cortex-a72 "$@"
        """
        cpuinfo = cache() / "bookworm/a72/proc/cpuinfo"
        words = [self.path, self.folder / "source", wheels(self.suite), cpuinfo, *command]
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


class Machine:
    """A running computer with this disk, which it changes. Use it in a with statement."""

    def __init__(self, suite: str, disk: Path, root: str = "/dev/vda", words: str = "") -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="mien-machine-", dir=cache()))
        self.log = self._folder / "serial.log"
        line = self._folder / "serial"
        serial = f"socket,id=line,path={line},server=on,wait=off,logfile={self.log}"
        built = cache() / f"{suite}-arm64"
        command = f"console=ttyAMA0 quiet loglevel=1 systemd.show_status=no root={root} rw panic=-1 {words}"
        self._process = subprocess.Popen(
            [
                "nice", "-n", "9", "qemu-system-aarch64",
                "-M", "virt", "-cpu", "cortex-a72", "-m", str(MEMORY_MB), "-smp", "2",
                "-accel", "tcg,thread=multi", "-display", "none", "-monitor", "none", "-no-reboot", "-nic", "none",
                "-chardev", serial, "-serial", "chardev:line",
                "-kernel", f"{built}.vmlinuz", "-initrd", f"{built}.initrd",
                "-append", command,
                "-drive", f"file={disk},format=raw,if=none,id=disk", "-device", "virtio-blk-pci,drive=disk",
            ],
        )  # fmt: skip
        self.began_s = time.monotonic()
        self._line = self._connect(line)
        self._heard = b""
        self._number = 0

    def _connect(self, path: Path) -> socket.socket:
        line = socket.socket(socket.AF_UNIX)
        until = time.monotonic() + 20
        while True:
            try:
                line.connect(str(path))
            except OSError:
                if time.monotonic() > until or self._process.poll() is not None:
                    raise
                time.sleep(0.1)
            else:
                line.settimeout(1)
                return line

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.power_off()
        self._line.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def wait_for_shell(self, timeout: float = BOOT_S) -> float:
        """Until the shell answers; seconds since power-on."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            try:
                self.run("stty -echo -onlcr; true", timeout=10)
            except TimeoutError:
                continue
            return time.monotonic() - self.began_s
        raise TimeoutError(f"no shell: {self.said()}")

    def run(self, command: str, timeout: float = 120) -> tuple[int, str]:
        """Status and output of a line of shell in the machine. Raises TimeoutError."""
        self._number += 1
        mark = f"@{self._number}@".encode()
        # The mark is put together there, so that an echo of the line is not taken for it.
        self._line.sendall(f'{{ {command}\n}} 2>&1; echo "@"{self._number}"@$?@"\n'.encode())
        until = time.monotonic() + timeout
        while True:
            before, found, after = self._heard.partition(mark)
            if found and b"@" in after:
                status, _, self._heard = after.partition(b"@")
                return int(status), before.replace(b"\r", b"").decode(errors="replace").lstrip("\n")
            if time.monotonic() > until:
                raise TimeoutError(f"{command}: {self.said()}")
            try:
                heard = self._line.recv(65536)
            except TimeoutError:
                continue
            if not heard:
                raise TimeoutError(f"{command}: the machine is off: {self.said()}")
            self._heard += heard

    def wait_for(self, command: str, timeout: float = 120) -> str:
        """Until a line of shell succeeds; its output. Raises TimeoutError."""
        until = time.monotonic() + timeout
        while True:
            status, said = self.run(command, timeout)
            if status == 0:
                return said
            if time.monotonic() > until:
                raise TimeoutError(f"{command}: {said}")
            time.sleep(1)

    def wait_for_end(self, timeout: float = BOOT_S) -> None:
        """Until it switches itself off or asks for a restart."""
        until = time.monotonic() + timeout
        while self._process.poll() is None:
            if time.monotonic() > until:
                raise TimeoutError(f"still on: {self.said()}")
            try:
                self._heard = (self._heard + self._line.recv(65536))[-65536:]
            except TimeoutError:
                continue

    def said(self) -> str:
        """The end of what came over the serial line."""
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""

    def power_off(self) -> None:
        """Pull the plug."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(30)


__all__ = ["HERE", "Machine", "Root", "lacking", "wheels"]
