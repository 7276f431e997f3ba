"""`setup.sh install`: everything in an order that can be interrupted anywhere and begun again."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from deploy import purpose, release, settings, token
from deploy.checks import check_apt, check_disk, check_host, look
from deploy.machine import NO_NETWORK, Machine, Refusal, ask, say, succeeds

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCE = Path(__file__).resolve().parent.parent
TRIAL = f"{release.PREFIX}/trial"
VERDICT = f"{release.PREFIX}/verdict"
COMMAND = "/usr/local/bin/mien"
UNITS = ("mien.service", "mien-trial.service")
FILES = {
    "systemd/mien.sysusers": "/etc/sysusers.d/mien.conf",
    "systemd/mien.modules": "/etc/modules-load.d/mien.conf",
    "systemd/mien.rules": "/etc/udev/rules.d/70-mien.rules",
    "systemd/mien-trial.service": "/etc/systemd/system/mien-trial.service",
}
"""Of a release, and where they go. mien.service is a link into `current`: it goes back with its release."""
UNIT_LINK = "/etc/systemd/system/mien.service"
WANTED = "/etc/systemd/system/multi-user.target.wants"
APT_ALWAYS = ("python3", "libstdc++6", "libgomp1", "procps", "ca-certificates")


class Wishes(NamedTuple):
    """What the command line asks for."""

    purpose: str | None = None
    legal_exception: str | None = None
    source: str | None = None
    changes: tuple[str, ...] = ()
    wheelhouse: Path | None = None
    start: bool = True
    mqtt_password: Path | None = None
    lan: bool = False
    token_hash: str | None = None


def install(machine: Machine, wishes: Wishes, source: Path = SOURCE) -> None:
    """Install, or bring what is installed up to date. Raises Refusal; what was there goes on working then."""
    check_host(look(machine), "install")
    if wishes.wheelhouse is not None and not wishes.wheelhouse.is_dir():
        raise Refusal(f"--offline {wishes.wheelhouse}: no such folder")
    kept = machine.path(purpose.FILE)
    answer = purpose.settle(wishes.purpose, wishes.legal_exception, kept.read_text() if kept.is_file() else None)
    settings.check_changes(wishes.changes)
    check_disk(machine)
    standing = machine.path(f"{release.RELEASES}/{release.name_of(source, release.surroundings())}")
    packages(machine, offline=wishes.wheelhouse is not None, pip=not release.whole(standing))
    name = release.build(machine, source, wishes.wheelhouse)
    user(machine, source)
    files(machine, source, answer)
    if not machine.dry:
        prove(name)
    first = not machine.path(settings.FILE).exists()
    settings.write(machine, wishes, f"{release.RELEASES}/{name}")
    made = token.keep(machine, wishes.token_hash) if first and wishes.lan and not machine.dry else ""
    activate(machine, name, start=wishes.start)
    judge(machine, source)  # only now: the one before has judged this release
    if first and not machine.dry and (words := token.page(machine, socket.gethostname(), made)):
        say(words)


def packages(machine: Machine, *, offline: bool, pip: bool) -> None:
    """What apt must bring: Python and, where the release has it, picamera2; nothing where all is there.

    pip: whether some pip will be needed.
    """
    missing = [name for name in APT_ALWAYS if not installed(name)]
    if offline:
        if missing:
            raise Refusal(f"{', '.join(missing)}: not installed, and without a network apt cannot bring it")
        if not installed("python3-picamera2"):
            say("python3-picamera2 is not in this system: USB cameras only")
        return
    check_apt(machine)
    wanted = missing + (["python3-pip-whl"] if pip and not has_pip() else [])
    if not installed("python3-picamera2") and succeeds("apt-cache", "show", "python3-picamera2"):
        wanted.append("python3-picamera2")
    if wanted:
        apt(machine, wanted)


def has_pip() -> bool:
    """Whether some pip is there to fetch the locked one with."""
    from deploy.wheels import any_pip

    try:
        any_pip("python3")
    except Refusal:
        return False
    return True


def installed(package: str) -> bool:
    """Whether dpkg says so."""
    try:
        state = ask("dpkg-query", "--show", "--showformat=${db:Status-Status}", package)
    except Refusal:
        return False
    return state == "installed"


def apt(machine: Machine, wanted: Sequence[str]) -> None:
    """Install Debian packages without what they merely recommend. Raises Refusal."""
    say(f"installing {', '.join(wanted)} by apt-get")
    quiet = ("apt-get", "-qq", "-o", "DPkg::Lock::Timeout=60")
    variables = {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        machine.run(*quiet, "update", "--error-on=any", what="apt-get update", variables=variables)
    except Refusal as refusal:
        if NO_NETWORK in str(refusal):
            raise
        say(f"{refusal}; going on with what is known")  # one broken source among several
    words = ("install", "--yes", "--no-install-recommends", *wanted)
    machine.run(*quiet, *words, what="apt-get install", variables=variables)


def user(machine: Machine, source: Path) -> None:
    """The system user that the service runs as."""
    machine.write(FILES["systemd/mien.sysusers"], (source / "systemd/mien.sysusers").read_text())
    machine.run("systemd-sysusers", FILES["systemd/mien.sysusers"], what="systemd-sysusers")


def files(machine: Machine, source: Path, answer: str) -> None:
    """What stands outside the release."""
    changed = [machine.write(to, (source / name).read_text()) for name, to in FILES.items()]
    if not machine.path(TRIAL).exists():
        judge(machine, source)
    machine.write(purpose.FILE, answer)
    machine.link(COMMAND, f"{release.CURRENT}/venv/bin/mien")
    if not machine.path(settings.ACTIVE_MODEL).is_symlink():
        machine.link(settings.ACTIVE_MODEL, f"{release.CURRENT}/edge/assets/emotion.tflite")
    if any(changed) and running(machine) and not machine.dry:
        # Where these cannot be told now, as in a container, the next boot tells them.
        succeeds("systemctl", "restart", "systemd-modules-load")
        succeeds("udevadm", "control", "--reload")


def judge(machine: Machine, source: Path) -> None:
    """What switches and switches back."""
    machine.write(TRIAL, (source / "deploy/trial.py").read_text(), 0o755)


def running(machine: Machine) -> bool:
    """Whether systemd runs this machine; in a chroot it does not."""
    return machine.path("/run/systemd/system").is_dir()


def prove(name: str) -> None:
    """A real inference by the service's own user: the portrait that ships holds one face. Raises Refusal."""
    folder = f"{release.RELEASES}/{name}"
    portrait = f"{folder}/edge/assets/portrait.jpg"
    command = (f"{folder}/venv/bin/mien", "predict", "--jsonl", portrait)
    told = ask("runuser", "-u", "mien", "--", *command, what="the self-test")
    faces = json.loads(told)["faces"]
    if len(faces) != 1:
        raise Refusal(f"the self-test found {len(faces)} faces in {portrait}, not 1")
    say(f"self-test: one face, {faces[0]['emotion']}")


def activate(machine: Machine, name: str, *, start: bool) -> None:
    """Make the release the current one, at once if there is none, else on trial; start it. Raises Refusal."""
    before = release.current(machine)
    target = f"releases/{name}"
    if not running(machine) or not start or before is None:
        machine.link(release.CURRENT, target)
        machine.link(UNIT_LINK, f"{release.CURRENT}/systemd/mien.service")
        enable(machine)
        if start and running(machine):
            machine.run("systemctl", "restart", "mien", what="starting mien")
        elif start:
            say("systemd does not run here: mien starts at the next boot")
    elif before != name:
        machine.run(TRIAL, "switch", release.CURRENT, target, what="the new release")
        if not machine.dry:
            say(machine.path(VERDICT).read_text().strip())
    else:
        enable(machine)
        machine.run("systemctl", "restart", "mien", what="starting mien")
    if not machine.dry:
        release.tidy(machine, {name, *([before] if before else [])})
    if not machine.dry:
        say(f"installed {name}; systemctl status mien shows how it is")


def enable(machine: Machine) -> None:
    """Start both units at boot. `systemctl enable` would follow `current` and name the release of today."""
    for unit in UNITS:
        machine.link(f"{WANTED}/{unit}", f"../{unit}")
    if running(machine):
        machine.run("systemctl", "daemon-reload", what="systemctl daemon-reload")
