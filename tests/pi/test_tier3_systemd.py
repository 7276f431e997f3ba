"""Tier 3: Mien under a real systemd, in a container without a network: from install to uninstall.

One container a release, in the order of this file; each test leaves the service running.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from container import SOURCE, WHEELS, Container, lacking
from emulated import HERE

pytestmark = pytest.mark.pi

INSTALL = ("install", "--offline", WHEELS, "--purpose", "home", "--set", "web.enabled=false")
SITE = "/usr/lib/python3/dist-packages"
EXPOSURE = 1.5
NOISE = re.compile(
    r"/(var/(\.updated|log|cache|lib/(systemd|dbus|private|apt/lists/lock|dpkg/lock(-frontend)?)|tmp)|tmp|root|run|srv"
    r"|etc/(\.?(passwd|group|shadow|gshadow|subuid|subgid)-?(\.lock)?|machine-id|hostname|mtab|resolv\.conf|\.updated|ld\.so\.cache"
    r"|\.pwd\.lock|localtime)|usr/lib/python3/dist-packages(/(picamera2|libcamera)\.py)?)(/|$)"
)
"""What a boot, a user that came and went, and this test's own camera leave."""


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def mien(request: pytest.FixtureRequest) -> Iterator[Container]:
    """A container in which Mien was installed and runs on a Pi camera that is made up."""
    if reason := lacking(request.param):
        pytest.skip(reason)
    with Container(request.param) as container:
        for name in ("picamera2.py", "libcamera.py"):
            container.put(HERE / "camera" / name, f"{SITE}/{name}")
        done = container.setup(*INSTALL)
        assert done.returncode == 0, done.stderr
        container.said = done.stderr
        yield container


def drop_in(mien: Container, text: str) -> None:
    """Add to the unit; "" takes it away."""
    folder = "/run/systemd/system/mien.service.d"
    mien.run("mkdir", "-p", folder, check=True)
    mien.run("bash", "-c", f"printf '%s' \"$0\" > {folder}/test.conf", text, check=True)
    mien.run("systemctl", "daemon-reload", check=True)


def test_install_says_what_it_did_and_the_service_runs_on_the_camera_it_found(mien: Container) -> None:
    assert "self-test: one face" in mien.said
    mien.wait("ActiveState", "active")
    mien.wait("StatusText", "running, Pi camera (imx708)")
    assert mien.show("UnitFileState") == "enabled"
    config = mien.run("cat", "/etc/mien/mien.toml").stdout
    assert 'kind = "picamera"' in config
    assert mien.run("cat", "/etc/mien/purpose").stdout == "purpose = home\n"
    pid = mien.show("MainPID")
    assert mien.run("ps", "-o", "user=", "-p", pid).stdout.strip() == "mien"


def test_the_unit_is_clean_and_little_exposed(mien: Container) -> None:
    verified = mien.run("systemd-analyze", "verify", "mien.service", "mien-trial.service")
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    told = mien.run("systemd-analyze", "security", "mien.service", "--no-pager").stdout
    exposure = re.search(r"Overall exposure level for mien.service: ([\d.]+)", told)
    assert exposure is not None, told
    assert float(exposure[1]) <= EXPOSURE


def test_what_the_unit_forbids_is_forbidden(mien: Container) -> None:
    mien.run("mkdir", "-p", "/home/someone", check=True)
    mien.put(HERE / "probe.py", "/run/probe.py")
    # In the place of a camera, which a container cannot have: who may open it is decided in the same way.
    mien.run("bash", "-c", "touch /srv/video; chown root:video /srv/video; chmod 640 /srv/video", check=True)
    probe = "[Service]\nType=exec\nRestart=no\nExecStart=\nExecStart=/usr/bin/python3 /run/probe.py\n"
    drop_in(mien, probe)
    mien.run("systemctl", "restart", "mien", check=True)
    mien.wait("ActiveState", "inactive")
    found = json.loads(mien.run("cat", "/var/lib/mien/probe.json").stdout)
    drop_in(mien, "")
    mien.run("systemctl", "restart", "mien", check=True)
    wanted = {
        "open what is the group video's",
        "write the state",
        "write the run-time folder",
        "TCP socket",
        "netlink socket",
        "read /proc/cpuinfo",
    }
    named = {"NoNewPrivs", "Seccomp", "CapEff", "CapBnd", "Groups", "Uid", "core"}
    assert {name for name, outcome in found.items() if outcome == "allowed"} == wanted, found
    assert (found["NoNewPrivs"], found["Seccomp"], found["core"]) == ("1", "2", "(0, 0)")
    assert (int(found["CapEff"], 16), int(found["CapBnd"], 16)) == (0, 0)
    assert named <= found.keys()


def test_int8_is_accelerated_inside_the_unit(mien: Container) -> None:
    done = mien.run("mien", "doctor", "--unit")
    assert "ok    int8 kernels: accelerated" in done.stdout, done.stdout + done.stderr
    mien.wait("ActiveState", "active")


def test_a_killed_service_starts_again_and_has_counted_it(mien: Container) -> None:
    def starts() -> int:
        return int(mien.run("cat", "/var/lib/mien/starts", check=True).stdout)

    drop_in(mien, "[Service]\nRestartSec=100ms\n")
    before, counted = mien.show("InvocationID"), starts()
    mien.run("kill", "-KILL", mien.show("MainPID"), check=True)
    mien.wait_for_another_life(before)
    assert starts() == counted + 1


def test_a_camera_that_hangs_past_every_deadline_makes_systemd_start_it_anew(mien: Container) -> None:
    drop_in(mien, "[Service]\nWatchdogSec=4\nRestartSec=100ms\n")
    mien.run("systemctl", "restart", "mien", check=True)
    before = mien.show("InvocationID")
    mien.run("touch", "/var/lib/mien/freeze", check=True)
    mien.wait("Result", "watchdog")
    mien.run("rm", "/var/lib/mien/freeze", check=True)
    mien.wait_for_another_life(before)
    drop_in(mien, "")


def test_a_second_install_changes_nothing_and_keeps_the_settings(mien: Container) -> None:
    mien.run("bash", "-c", "echo '# mine' >>/etc/mien/mien.toml", check=True)
    before = mien.run("cat", "/etc/mien/mien.toml").stdout
    release = mien.run("readlink", "/opt/mien/current").stdout
    done = mien.setup("install", "--offline", WHEELS)
    assert done.returncode == 0, done.stderr
    assert "building" not in done.stderr
    assert mien.run("cat", "/etc/mien/mien.toml").stdout == before
    assert mien.run("readlink", "/opt/mien/current").stdout == release
    mien.wait("ActiveState", "active")


def test_without_a_network_a_new_release_is_one_line_and_the_old_one_runs(mien: Container) -> None:
    before = mien.run("readlink", "/opt/mien/current").stdout
    place = other_release(mien, "7.0")
    done = mien.run(f"{place}/setup.sh", "install")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "setup.sh: apt-get update failed: the network cannot be reached"
    assert mien.run("readlink", "/opt/mien/current").stdout == before
    mien.wait("ActiveState", "active")


def test_a_dry_run_changes_nothing(mien: Container) -> None:
    seen = "find /opt/mien /etc/mien /etc/systemd -printf '%p %T@ %l\n' | sha256sum"
    before = mien.run("bash", "-c", seen).stdout
    for words in (("install", "--offline", WHEELS), ("uninstall", "--purge")):
        assert mien.setup(*words, "--dry-run").returncode == 0
    assert mien.run("bash", "-c", seen).stdout == before
    mien.wait("ActiveState", "active")


def test_settings_that_mien_refuses_stop_an_install_before_anything_is_switched(mien: Container) -> None:
    mien.run("bash", "-c", "echo '[source]\nfps = 0' >/etc/mien/bad && cp /etc/mien/mien.toml /etc/mien/good")
    mien.run("cp", "/etc/mien/bad", "/etc/mien/mien.toml", check=True)
    done = mien.setup("install", "--offline", WHEELS)
    mien.run("mv", "/etc/mien/good", "/etc/mien/mien.toml", check=True)
    mien.run("rm", "/etc/mien/bad", check=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "setup.sh: /etc/mien/mien.toml: source.fps = 0: must be > 0"
    mien.wait("ActiveState", "active")


def other_release(mien: Container, version: str, *, dies: bool = False) -> str:
    """A source tree inside with another version, whose service may die as soon as it starts."""
    place = f"/root/{version}"
    mien.run(
        "bash",
        "-c",
        f"mkdir {place} && cd {SOURCE} && cp -r edge deploy systemd requirements docs *.* LICENSE {place}",
    )
    mien.run(
        "sed", "-i", f's/^__version__ = .*/__version__ = "{version}"/', f"{place}/edge/__init__.py", check=True
    )
    if dies:
        command = f"{place}/edge/commands/run.py"
        mien.run("grep", "-q", "service.run(", command, check=True)
        mien.run("sed", "-i", "s/service.run(/exit(3); service.run(/", command, check=True)
    return place


def version(mien: Container) -> str:
    """Of the release that is current."""
    return mien.run("mien", "--version").stdout.split()[-1]


def test_an_update_cut_short_leaves_what_runs_and_goes_on_later(mien: Container) -> None:
    before = version(mien)
    place = other_release(mien, "8.0")
    # The plug is pulled as soon as the new release's environment begins to fill.
    begun = "until compgen -G '/opt/mien/releases/8.0-*/venv/bin/python' >/dev/null; do sleep 0.1; done"
    cut = f"{place}/setup.sh update --offline {WHEELS} >/dev/null 2>&1 & {begun}"
    mien.run("bash", "-c", cut, check=True)
    mien.reboot()
    mien.wait("ActiveState", "active")
    assert version(mien) == before
    mien.run("bash", "-c", "ls /opt/mien/releases/8.0-*/stamp && exit 1 || exit 0", check=True)
    done = mien.run(f"{place}/setup.sh", "update", "--offline", WHEELS)
    assert done.returncode == 0, done.stderr
    assert "releases/8.0-" in done.stderr
    assert version(mien) == "8.0"


def test_an_update_that_dies_goes_back_by_itself(mien: Container) -> None:
    bad = other_release(mien, "9.0", dies=True)
    drop_in(mien, "[Service]\nRestartSec=100ms\n")
    done = mien.run(f"{bad}/setup.sh", "update", "--offline", WHEELS)
    assert done.returncode == 1
    assert "switched back to releases/8.0" in done.stderr
    assert "2 starts of releases/9.0" in done.stderr
    mien.wait("ActiveState", "active")
    assert version(mien) == "8.0"
    done = mien.run("/opt/mien/trial", "rollback", "/opt/mien/current")
    assert done.returncode == 0, done.stderr
    assert version(mien) != "8.0"
    drop_in(mien, "")


def test_a_model_is_brought_and_taken_back(mien: Container) -> None:
    file = f"{SOURCE}/edge/assets/emotion-fer2013.tflite"
    refused = mien.run("mien", "models", "install", file, "--sha256", "0" * 64)
    assert (refused.returncode, "its SHA-256 is" in refused.stderr) == (2, True)
    done = mien.run("mien", "models", "install", file)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith("has proved itself")
    assert "* emotion-fer2013-" in mien.run("mien", "models").stdout
    assert mien.run("mien", "models", "rollback").returncode == 0
    assert "* emotion: " in mien.run("mien", "models").stdout


def test_the_power_may_go_in_the_middle_of_a_trial(mien: Container) -> None:
    before = version(mien)
    (bad,) = (line for line in mien.run("ls", "/opt/mien/releases").stdout.split() if line.startswith("9.0"))
    # As far as the switch goes before the service is started.
    trial = {"link": "/opt/mien/current", "candidate": f"releases/{bad}", "life": "", "starts": 0}
    trial["previous"] = mien.run("readlink", "/opt/mien/current").stdout.strip()
    mien.run("bash", "-c", 'echo "$0" >/opt/mien/trial.json', json.dumps(trial), check=True)
    mien.run("ln", "-sfn", f"releases/{bad}", "/opt/mien/current", check=True)
    mien.run("sync")
    mien.reboot()
    mien.wait("ActiveState", "active")
    assert version(mien) == before
    assert "switched back" in mien.run("cat", "/opt/mien/verdict").stdout


def test_uninstall_leaves_settings_and_purge_leaves_nothing(mien: Container) -> None:
    done = mien.setup("uninstall")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == (
        "setup.sh: uninstalled; kept: /etc/mien, /var/lib/mien (--purge removes them)"
    )
    assert mien.show("LoadState") == "not-found"
    assert mien.run("test", "-e", "/etc/mien/mien.toml").returncode == 0
    assert mien.setup("uninstall", "--purge").returncode == 0
    assert mien.run("id", "mien").returncode == 1
    left = [name for name in mien.changed() if not NOISE.match(name)]
    assert left == []


def test_a_system_that_apt_upgraded_underneath_is_repaired() -> None:
    """Installed on Bookworm, whose Python and libraries apt then replaces by Trixie's. Needs a network."""
    for suite in ("bookworm", "trixie"):
        if reason := lacking(suite):
            pytest.skip(reason)
    with Container("bookworm") as mien:
        done = mien.setup(*INSTALL, "--source", "demo")
        assert done.returncode == 0, done.stderr
        mien.wait("ActiveState", "active")
        mien.run("bash", "-c", "echo '# mine' >>/etc/mien/mien.toml", check=True)
        before = mien.run("cat", "/etc/mien/mien.toml").stdout
        if said := mien.upgrade("trixie"):
            if "resolving" in said or "Failed to fetch" in said:
                pytest.skip("apt finds no network to upgrade from")
            raise AssertionError(said)
        assert "trixie" in mien.run("cat", "/etc/os-release").stdout
        assert mien.run("mien", "--version").returncode != 0
        done = mien.run("/opt/mien/current/setup.sh", "repair", "--offline", WHEELS)
        assert done.returncode == 0, done.stderr
        mien.wait("ActiveState", "active")
        assert mien.run("mien", "--version").returncode == 0
        assert mien.run("cat", "/etc/mien/mien.toml").stdout == before
        assert "nothing to repair" in mien.run("/opt/mien/current/setup.sh", "repair").stderr
