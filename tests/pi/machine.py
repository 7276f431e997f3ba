"""An emulated computer: arm64, its own kernel, one Cortex-A72, a disk; driven by a shell on its serial line.

setup.sh --tier 4 builds what it boots. Its clock counts executed instructions, one a nanosecond, and jumps where
nothing is to do: however busy this machine is, the emulated one is as fast as ever by its own clock, and no limit
of a unit is exceeded because of that. Waiting costs it nothing. All limits here are of this machine's time.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import root
from emulated import SETUP, cache

MEMORY_MB = 1024
WAIT_S = 3600
TOOLS = ("qemu-system-aarch64", "mkfs.ext4", "mkfs.vfat", "mcopy", "sfdisk")
os.environ["PATH"] += ":/usr/sbin"  # where Debian keeps mkfs, and a user's PATH does not look


def lacking(suite: str) -> str:
    """What must be there to boot a machine and is not; "" if nothing."""
    for name in TOOLS:
        if shutil.which(name) is None:
            return f"{name} is missing: {SETUP} --tier 4"
    return root.lacking(suite)


class Machine:
    """A running computer with this disk, which it changes. Use it in a with statement.

    network: a cable behind which qemu plays router and name server. The clock does not jump then, or it would give
    up every answer at once.
    """

    def __init__(
        self, suite: str, disk: Path, system: str = "/dev/vda", words: str = "", *, network: bool = False
    ) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="mien-machine-", dir=cache()))
        self.log = self._folder / "serial.log"
        line = self._folder / "serial"
        serial = f"socket,id=line,path={line},server=on,wait=off,logfile={self.log}"
        built = cache() / f"{suite}-arm64"
        clock = f"shift=0,sleep={'on' if network else 'off'}"
        cable = "user,model=virtio-net-pci" if network else "none"
        command = f"console=ttyAMA0 quiet loglevel=1 systemd.show_status=no root={system} rw panic=-1 {words}"
        self._process = subprocess.Popen(
            [
                "nice", "-n", "9", "qemu-system-aarch64",
                "-M", "virt", "-cpu", "cortex-a72", "-m", str(MEMORY_MB), "-smp", "1",
                "-accel", "tcg,thread=single", "-icount", clock, "-rtc", "clock=vm",
                "-display", "none", "-monitor", "none", "-no-reboot", "-nic", cable,
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

    def wait_for_shell(self) -> float:
        """Until the shell says that it is there; seconds since power-on. Raises TimeoutError.

        Nothing is sent before: a serial port that nobody has opened yet can choke on it for good.
        """
        self.listen(lambda text: "@here@" in text)
        self._heard = b""
        return time.monotonic() - self.began_s

    def run(self, command: str, timeout: float = WAIT_S) -> tuple[int, str]:
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

    def wait_for(self, command: str, timeout: float = WAIT_S) -> str:
        """Until a line of shell succeeds; its output. Raises TimeoutError."""
        until = time.monotonic() + timeout
        while True:
            status, said = self.run(command, timeout)
            if status == 0:
                return said
            if time.monotonic() > until:
                raise TimeoutError(f"{command}: {said}")
            time.sleep(1)

    def listen(self, enough: Callable[[str], bool], timeout: float = WAIT_S) -> str:
        """What comes over the serial line until it is enough. Raises TimeoutError."""
        until = time.monotonic() + timeout
        while not enough(text := self._heard.replace(b"\r", b"").decode(errors="replace")):
            if time.monotonic() > until or self._process.poll() is not None:
                raise TimeoutError(text[-3000:])
            with contextlib.suppress(TimeoutError):
                self._heard += self._line.recv(65536)
        return text

    def wait_for_end(self, timeout: float = WAIT_S) -> None:
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
