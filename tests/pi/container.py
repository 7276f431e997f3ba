"""A Debian with its own systemd in a container, booted from a root that stays as it is.

The root is the lower layer of an overlay; what is changed goes into a folder of its own and away with it. The
mounts are made in a mount namespace of their own: nothing of the host is changed and nothing is left behind.
setup.sh --tier 3 builds the roots. Needs root.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from emulated import PROJECT, SETUP, cache

from deploy import release

BOOT_S = WAIT_S = 600
SOURCE, WHEELS = "/srv/mien", "/srv/wheels"
"""Where the project and its wheels are seen inside, both read-only."""

# nspawn wants a host that has cgroup2 alone, and its /run for itself; as a plain command it fails on others.
ENTER = r"""
set -e
folder=$1 root=$2 source=$3 wheels=$4; shift 4
mount -t overlay overlay -o "lowerdir=$root,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
mount -t tmpfs tmpfs /run
umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
mkdir -p /sys/fs/cgroup/mien-test-$$; echo $$ >/sys/fs/cgroup/mien-test-$$/cgroup.procs
trap '' HUP
rc=0
systemd-nspawn --directory "$folder/root" --boot --register=no --keep-unit --console=pipe --private-network \
    --bind-ro="$source:/srv/mien" --bind-ro="$wheels:/srv/wheels" "$@" </dev/null >"$folder/log" 2>&1 || rc=$?
echo $$ >/sys/fs/cgroup/cgroup.procs
find /sys/fs/cgroup/mien-test-$$ -depth -type d -exec rmdir {} + 2>/dev/null
exit $rc
"""

# Outside the container, because apt needs the network that it has not.
UPGRADE = r"""
set -e
folder=$1 root=$2 old=$3 new=$4
mount -t overlay overlay -o "lowerdir=$root,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
cd "$folder/root"
mount -t proc proc proc; mount --rbind /dev dev; mount -t sysfs sysfs sys; mount -t tmpfs tmpfs run
mount --bind "$(readlink -f /etc/resolv.conf)" etc/resolv.conf 2>/dev/null || cat /etc/resolv.conf >etc/resolv.conf
sed -i "s/$old/$new/g" etc/apt/sources.list
export DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin
chroot . apt-get -qq update --error-on=any
chroot . apt-get -qq -o Dpkg::Options::=--force-confold --yes --no-install-recommends full-upgrade
"""


def lacking(suite: str) -> str:
    """What must be there to boot a container and is not; "" if nothing."""
    if os.geteuid() != 0:
        return "booting a container needs root"
    if shutil.which("systemd-nspawn") is None:
        return f"systemd-nspawn is missing: {SETUP} --tier 3"
    if not (system(suite) / "stamp").is_file() or not wheels(suite).is_dir():
        return f"no {suite} to boot in {cache()}: {SETUP} --tier 3"
    return ""


def system(suite: str) -> Path:
    """The root of a release that setup.sh built."""
    return cache() / f"{suite}-x86_64"


def wheels(suite: str) -> Path:
    """The wheels of the lock file, for an install without a network."""
    return cache() / f"wheels-{suite}-x86_64"


class Container:
    """A booted Debian; use it in a with statement."""

    def __init__(self, suite: str) -> None:
        self.suite = suite
        self.folder = Path(tempfile.mkdtemp(prefix=f"mien-{suite}-", dir=cache()))
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir(mode=0o755)
        # As it is now: it may change while the tests run, and would then be another release.
        source = self.folder / "source"
        source.mkdir()
        release.copy(PROJECT, source)
        self._words = [str(self.folder), str(system(suite)), str(source), str(wheels(suite))]
        self.said = ""
        self._boot()

    def _boot(self) -> None:
        self._leader = 0
        self._process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "bash", "-c", ENTER, "_", *self._words],
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        try:
            self._wait_for_boot()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait_for_boot(self) -> None:
        until = time.monotonic() + BOOT_S
        while time.monotonic() < until and self._process.poll() is None:
            self._leader = self._find_leader()  # for a moment it is nspawn's own helper
            if self._leader and self.run("systemctl", "is-system-running").stdout.strip() in {
                "running",
                "degraded",
            }:
                return
            time.sleep(0.2)
        raise TimeoutError(f"{self.suite} did not boot: {(self.folder / 'log').read_text()[-2000:]}")

    def _find_leader(self) -> int:
        """The container's process 1, seen from here: the child of nspawn, which is the shell's."""
        (nspawn, *_) = children(self._process.pid) or [0]
        (leader, *_) = children(nspawn) or [0]
        return leader

    def run(self, *command: str, timeout: float = 3600, check: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a program inside, as its root."""
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        done = subprocess.run(
            ["nsenter", "--target", str(self._leader), "--all", *command],
            env=environment | {"LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done

    def setup(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run setup.sh inside."""
        return self.run(f"{SOURCE}/setup.sh", *arguments)

    def show(self, name: str, unit: str = "mien") -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).stdout.strip()

    def wait(self, name: str, value: str, unit: str = "mien", timeout: float = WAIT_S) -> None:
        """Until a property of a unit has a value. Raises TimeoutError."""
        until = time.monotonic() + timeout
        while (seen := self.show(name, unit)) != value:
            if time.monotonic() > until:
                raise TimeoutError(f"{unit}: {name} is {seen} and not {value}: {self.journal(unit)[-2000:]}")
            time.sleep(0.2)

    def wait_for_another_life(self, before: str) -> None:
        """Until Mien runs and was started anew since it had this InvocationID. Raises TimeoutError."""
        until = time.monotonic() + WAIT_S
        while self.show("ActiveState") != "active" or self.show("InvocationID") == before:
            if time.monotonic() > until:
                raise TimeoutError(f"mien was not started anew: {self.journal()[-2000:]}")
            time.sleep(0.2)

    def journal(self, unit: str = "mien") -> str:
        """What a unit has said."""
        return self.run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}").stdout

    def path(self, name: str) -> Path:
        """A file inside, seen from here. It is read through the process 1 of the container."""
        return Path(f"/proc/{self._leader}/root") / name.lstrip("/")

    def power_off(self) -> None:
        """Pull the plug: every process is gone at once."""
        if self._process.poll() is None:
            leader = self._find_leader()
            try:
                os.kill(leader or self._process.pid, signal.SIGKILL)
                self._process.wait(30)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(30)

    def reboot(self) -> None:
        """Pull the plug and boot again, with what is on the disk by then."""
        self.power_off()
        self._clear_work()
        self._boot()
        self._wait_for_boot()

    def _clear_work(self) -> None:
        """The overlay's own folder: a mount that is over leaves something in it."""
        shutil.rmtree(self.folder / "work")
        (self.folder / "work").mkdir()

    def upgrade(self, suite: str) -> str:
        """Switch off, have apt bring the system to another release, and boot that; what apt said if it failed."""
        self.power_off()
        self._clear_work()
        words = (str(self.folder), str(system(self.suite)), self.suite, suite)
        done = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "bash", "-c", UPGRADE, "_", *words],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            return done.stdout[-2000:] + done.stderr[-2000:]
        self.suite, self._words[3] = suite, str(wheels(suite))
        self._clear_work()
        self._boot()
        self._wait_for_boot()
        return ""

    def put(self, file: Path, name: str) -> None:
        """Copy a file from here to inside."""
        words = ["nsenter", "--target", str(self._leader), "--all", "tee", name]
        subprocess.run(words, input=file.read_bytes(), stdout=subprocess.DEVNULL, check=True)

    def changed(self) -> list[str]:
        """What is there and was not before, or not so."""
        upper = self.folder / "upper"
        return sorted(
            f"/{path.relative_to(upper)}" for path in upper.rglob("*") if path.is_symlink() or path.is_file()
        )

    def close(self) -> None:
        """Away with it and with all that was changed in it."""
        self.power_off()
        shutil.rmtree(self.folder, ignore_errors=True)


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
