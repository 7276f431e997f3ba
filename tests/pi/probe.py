"""Run in the place of Mien under its own unit: tries what the unit forbids, and writes down what happened.

Prints one JSON object: what was tried, and "allowed" or the error's name.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import resource
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWUSER, SCHED_FIFO = 0x10000000, 1


def checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result


def write(path: str) -> Callable[[], object]:
    return lambda: Path(path, "probe").write_text("here")


TRIES: dict[str, Callable[[], object]] = {
    "write /etc/mien": write("/etc/mien"),
    "write /opt/mien": write("/opt/mien/current"),
    "write /usr": write("/usr"),
    "write /boot": write("/boot"),
    "write the state": write("/var/lib/mien"),
    "write the run-time folder": write("/run/mien"),
    "list /home": lambda: list(Path("/home").iterdir()) or checked(-1),
    "list /root": lambda: list(Path("/root").iterdir()),
    "see process 1": lambda: Path("/proc/1/cmdline").read_text(),
    "raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1),
    "packet socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "TCP socket": lambda: socket.socket(socket.AF_INET),
    "netlink socket": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15),
    "user namespace": lambda: checked(LIBC.unshare(CLONE_NEWUSER)),
    "writable code": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC),
    "set the clock": lambda: time.clock_settime(time.CLOCK_REALTIME, time.time()),
    "real-time scheduling": lambda: os.sched_setscheduler(0, SCHED_FIFO, os.sched_param(1)),
    "change the root": lambda: os.chroot("/tmp"),
    "a kernel parameter": lambda: Path("/proc/sys/kernel/printk").write_text("4"),
    "trace its parent": lambda: checked(LIBC.ptrace(16, os.getppid(), 0, 0)),
    "a set-user-id file": lambda: os.close(os.open("/tmp/own", os.O_CREAT, 0o4755)),
    "read /proc/cpuinfo": lambda: Path("/proc/cpuinfo").read_text(),
    "open what is the group video's": lambda: os.open("/srv/video", os.O_RDONLY),
    "the kernel's log": lambda: os.open("/dev/kmsg", os.O_RDONLY),
    "memory as a device": lambda: os.open("/dev/mem", os.O_RDONLY),
}


def outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "EMPTY")
    return "allowed"


found = {name: outcome(attempt) for name, attempt in TRIES.items()}
status = dict(line.split(":\t") for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
found |= {name: status[name].strip() for name in ("NoNewPrivs", "Seccomp", "CapEff", "CapBnd", "Groups", "Uid")}
found["core"] = str(resource.getrlimit(resource.RLIMIT_CORE))
Path("/var/lib/mien/probe.json").write_text(json.dumps(found))
sys.exit(0)
