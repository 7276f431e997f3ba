"""The first boot writes how it goes onto the card, and wipes what was secret there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import firstboot, machine
from deploy.machine import Machine, Refusal

TOLD = {"purpose": "purpose = home\n", "changes": [], "offline": True, "mqtt_password": "", "token_hash": ""}


@pytest.fixture
def boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A boot partition as flash leaves it; the rest of the system is a folder as well."""
    monkeypatch.setattr(firstboot, "Machine", lambda: Machine(tmp_path / "system"))
    boot = tmp_path / "boot"
    (boot / "mien").mkdir(parents=True)
    (boot / "mien/settings.json").write_text(json.dumps(TOLD))
    (boot / "user-data").write_text("#cloud-config\npasswd: $6$secret\n")
    (boot / "network-config").write_text("password: secret\n")
    (boot / "meta-data").write_text("instance-id: mien-1\n")
    for name in firstboot.LEFT:
        path = tmp_path / "system" / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    yield boot
    machine.listeners.clear()


def test_what_was_secret_is_gone_once_mien_runs(
    boot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firstboot, "carry_out", lambda *_: machine.say("self-test: one face, happiness"))
    assert firstboot.main(boot) == 0
    left = {path.name: path.read_text() for path in boot.rglob("*") if path.is_file()}
    assert left.keys() == {"user-data", "network-config", "meta-data", firstboot.STATUS}
    assert not any("secret" in text for text in left.values())
    assert left["user-data"].startswith("#cloud-config\n")
    assert left["meta-data"] == "instance-id: mien-1\n"  # or cloud-init would begin anew
    lines = left[firstboot.STATUS].splitlines()
    assert [line.split("  ", 1)[1] for line in lines] == [
        "installing Mien",
        "self-test: one face, happiness",
        "done: Mien runs",
    ]
    assert not any((tmp_path / "system" / name.lstrip("/")).exists() for name in firstboot.LEFT)


def test_a_failure_is_told_and_leaves_everything_for_the_next_try(
    boot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise Refusal("apt is locked")

    monkeypatch.setattr(firstboot, "carry_out", fail)
    before = {path: path.read_bytes() for path in boot.rglob("*") if path.is_file()}
    assert firstboot.main(boot) == 1
    assert (
        (boot / firstboot.STATUS)
        .read_text()
        .splitlines()[-1]
        .endswith("failed: apt is locked; tries again in 30 s, and at every boot")
    )
    assert all(path.read_bytes() == content for path, content in before.items())


@pytest.mark.parametrize("content", ["", "{}", "[]", "\0\0\0"])
def test_damaged_settings_are_told_too(boot: Path, content: str) -> None:
    (boot / "mien/settings.json").write_text(content)
    assert firstboot.main(boot) == 1
    assert "mien/settings.json on the boot partition cannot be read" in (boot / firstboot.STATUS).read_text()


def test_a_cut_in_the_middle_of_wiping_is_made_up_for(boot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firstboot, "carry_out", lambda *_: None)
    (boot / "user-data").rename(boot / "spent")  # as far as it had come
    assert firstboot.main(boot) == 0
    assert not (boot / "mien/settings.json").exists()
    assert "secret" not in "".join(path.read_text() for path in boot.rglob("*") if path.is_file())
