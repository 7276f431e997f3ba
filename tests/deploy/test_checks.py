"""What is refused before anything is changed, each in one line with its cure."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.checks import Host, check_apt, check_disk, check_host, release_of
from deploy.machine import Machine, Refusal, reason

FINE = Host("bookworm", "aarch64", 64, 0, (3, 11))


@pytest.mark.parametrize(
    "host", [FINE, FINE._replace(machine="x86_64"), FINE._replace(release="trixie", python=(3, 13))]
)
def test_where_it_can_be_installed(host: Host) -> None:
    check_host(host, "install")


@pytest.mark.parametrize(
    ("host", "line"),
    [
        (FINE._replace(user=1000), "needs root: sudo ./setup.sh install"),
        (
            FINE._replace(machine="armv7l", bits=32),
            "needs a 64-bit system on aarch64 or x86_64; this is 32-bit on armv7l",
        ),
        (FINE._replace(bits=32), "needs a 64-bit system on aarch64 or x86_64; this is 32-bit on aarch64"),
        (FINE._replace(machine="riscv64"), "this is 64-bit on riscv64"),
        (
            FINE._replace(release="bullseye"),
            "needs Raspberry Pi OS or Debian, bookworm or trixie; this is bullseye",
        ),
        (FINE._replace(release=""), "this is another system"),
        (FINE._replace(python=(3, 12)), "needs the system's own Python 3.11 on bookworm; this is 3.12"),
    ],
)
def test_where_it_cannot(host: Host, line: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_host(host, "install")
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ('PRETTY_NAME="Debian GNU/Linux 12"\nVERSION_CODENAME=bookworm\n', "bookworm"),
        ('VERSION_CODENAME="trixie"\n', "trixie"),
        ("ID=arch\n", ""),
        ("\0nonsense", ""),
    ],
)
def test_the_release_is_read_from_os_release(tmp_path: Path, text: str, release: str) -> None:
    (tmp_path / "os-release").write_text(text)
    assert release_of(tmp_path / "os-release") == release


def test_no_os_release_is_no_release(tmp_path: Path) -> None:
    assert release_of(tmp_path / "os-release") == ""


def test_a_full_disk_is_named_with_what_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    monkeypatch.setattr("deploy.checks.NEEDED_BYTES", 2 * free)
    with pytest.raises(Refusal, match=r"^/opt: \d+ MB are free and \d+ MB are needed$"):
        check_disk(Machine(tmp_path))


HOLD = """
import fcntl, sys
with open(sys.argv[1], "w") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print(flush=True)
    sys.stdin.read()
"""


def test_a_locked_apt_is_named_and_a_free_one_is_fine(tmp_path: Path) -> None:
    check_apt(Machine(tmp_path))  # a system without dpkg
    lock = tmp_path / "var/lib/dpkg/lock-frontend"
    lock.parent.mkdir(parents=True)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(Refusal, match="apt is locked: another program is installing packages"):
            check_apt(Machine(tmp_path))
        other.communicate()
    check_apt(Machine(tmp_path))
    with lock.open("r+") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # it was let go of


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("W: hm\nE: Unable to locate package x\nmore", "E: Unable to locate package x"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("E: Temporary failure resolving 'deb.debian.org'", "the network cannot be reached"),
        ("ERROR: one\nERROR: two\n", "ERROR: two"),
        ("plain words\n", "plain words"),
        ("", "it said nothing"),
    ],
)
def test_a_failed_programs_words_become_one_line(words: str, line: str) -> None:
    assert reason(words) == line
