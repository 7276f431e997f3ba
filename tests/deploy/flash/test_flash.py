"""`setup.sh flash` on made-up cards: folders as they are mounted, and images of them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from deploy.flash.boot import Folder, Image, find_fat
from deploy.flash.command import unfit
from deploy.machine import Refusal

ROOT = Path(__file__).resolve().parents[3]
CMDLINE = "console=serial0,115200 root=PARTUUID=1234abcd-02 rootfstype=ext4 fsck.repair=yes rootwait quiet\n"
ISSUE = (
    "Raspberry Pi reference 2025-05-13\nGenerated using pi-gen, https://github.com/RPi-Distro/pi-gen, abc, stage2\n"
)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEexample someone@somewhere"
PARTITION_START = 2048


def fill(folder: Path, suite: str) -> Path:
    """A boot partition as an image of Raspberry Pi OS has it, as far as flash looks."""
    folder.mkdir(exist_ok=True)
    (folder / "cmdline.txt").write_text(CMDLINE)
    (folder / "config.txt").write_text("[all]\n")
    (folder / "issue.txt").write_text(ISSUE if suite == "bookworm" else ISSUE.replace("2025-05", "2025-12"))
    if suite == "trixie":
        (folder / "user-data").write_text("#cloud-config\n")
        (folder / "meta-data").write_text("instance-id: rpios-image\n")
        (folder / "network-config").write_text("")
    return folder


@pytest.fixture
def secrets(tmp_path: Path) -> list[str]:
    """Options that let somebody in."""
    (tmp_path / "key.pub").write_text(KEY + "\n")
    (tmp_path / "wifi").write_text("ThisIsAPassword\n")
    return [
        "--ssh-key", f"{tmp_path}/key.pub", "--wifi", "IEEE", "--wifi-password-file", f"{tmp_path}/wifi",
        "--country", "DE", "--purpose", "home",
    ]  # fmt: skip


def flash(*words: str | Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"MIEN_PYTHON": sys.executable}
    command = [ROOT / "setup.sh", "flash", *words]
    return subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


@pytest.fixture(params=["bookworm", "trixie"])
def card(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A mounted boot partition."""
    return fill(tmp_path / request.param, request.param)


# IEEE 802.11, J.4.1: the first test vector of the passphrase "password" belongs to the network "IEEE".
def test_a_card_gets_all_that_its_first_boot_needs_and_no_plain_secret(card: Path, secrets: list[str]) -> None:
    done = flash("--boot", card, "--host", "hall", *secrets, "--set", "mqtt.host=broker.lan")
    assert done.returncode == 0, done.stderr
    assert f"Raspberry Pi OS {card.name}, first boot by" in done.stderr
    with tarfile.open(card / "mien/mien.tar.gz") as archive:
        assert {"setup.sh", "deploy/firstboot.py", "edge/assets/emotion.tflite"} <= set(archive.getnames())
    told = json.loads((card / "mien/settings.json").read_text())
    assert (told["purpose"], told["changes"], told["offline"]) == (
        "purpose = home\n",
        ["mqtt.host=broker.lan"],
        False,
    )
    token = done.stdout.split("http://hall.local:8321/#")[1].split()[0]
    assert told["token_hash"] == f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"
    psk = hashlib.pbkdf2_hmac("sha1", b"ThisIsAPassword", b"IEEE", 4096, 32).hex()
    texts = {path: path.read_bytes() for path in card.rglob("*") if path.is_file()}
    assert any(psk.encode() in text for text in texts.values())
    for text in texts.values():
        assert b"ThisIsAPassword" not in text
        assert token.encode() not in text
    assert token not in done.stderr


def test_trixie_gets_cloud_inits_files(tmp_path: Path, secrets: list[str]) -> None:
    card = fill(tmp_path / "card", "trixie")
    assert flash("--boot", card, *secrets).returncode == 0
    first, _, rest = (card / "user-data").read_text().partition("\n")
    user_data = json.loads(rest)
    assert first == "#cloud-config"
    assert user_data["users"][0]["ssh_authorized_keys"] == [KEY]
    assert user_data["runcmd"][-1] == ["sh", "/boot/firmware/mien/begin.sh", "now"]
    wifi = json.loads((card / "network-config").read_text())["wifis"]["wlan0"]
    assert (wifi["regulatory-domain"], list(wifi["access-points"])) == ("DE", ["IEEE"])
    before = (card / "meta-data").read_text()
    assert flash("--boot", card, *secrets).returncode == 0
    assert json.loads(before)["instance-id"] != json.loads((card / "meta-data").read_text())["instance-id"]
    assert (card / "cmdline.txt").read_text() == CMDLINE


def test_bookworm_gets_a_script_that_its_command_line_starts(tmp_path: Path, secrets: list[str]) -> None:
    card = fill(tmp_path / "card", "bookworm")
    for _ in range(2):  # the second time changes nothing more
        assert flash("--boot", card, *secrets).returncode == 0
        line = (card / "cmdline.txt").read_text()
        assert line.startswith(CMDLINE.strip())
        assert line.count("\n") == line.count("systemd.run=") == line.count("systemd.unit=") == 1
    assert subprocess.run(["bash", "-n", card / "firstrun.sh"], check=False).returncode == 0


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A card's image: a partition table, a FAT partition with Bookworm's files, and a rest."""
    for program in ("mkfs.vfat", "mcopy"):
        if shutil.which(program) is None and not Path("/usr/sbin", program).exists():
            pytest.skip(f"{program} is missing")
    fat = tmp_path / "fat"
    with fat.open("wb") as file:
        file.truncate(64 << 20)
    subprocess.run(
        ["mkfs.vfat", "-n", "bootfs", fat],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True,
        check=True,
    )
    files = fill(tmp_path / "files", "bookworm").iterdir()
    subprocess.run(["mcopy", "-i", fat, *files, "::/"], check=True)
    entry = struct.pack("<B3xB3xII", 0x80, 0x0C, PARTITION_START, fat.stat().st_size // 512)
    table = (b"\0" * 446 + entry).ljust(510, b"\0") + b"\x55\xaa"
    image = tmp_path / "card.img"
    image.write_bytes(table.ljust(PARTITION_START * 512, b"\0") + fat.read_bytes() + b"\0" * 4096)
    return image


@pytest.mark.system
def test_an_image_gets_the_same_files(image: Path, secrets: list[str], tmp_path: Path) -> None:
    assert find_fat(image) == PARTITION_START * 512
    done = flash("--image", image, *secrets)
    assert done.returncode == 0, done.stderr
    assert "rpi-imager --cli" in done.stderr
    boot = Image(image)
    assert boot.read("cmdline.txt").count(b"systemd.run=/boot/firmware/firstrun.sh ") == 1
    assert json.loads(boot.read("mien/settings.json"))["offline"] is False
    assert boot.free() < 64 << 20


@pytest.mark.system
def test_too_little_room_is_said_before_anything_is_written(
    image: Path, secrets: list[str], tmp_path: Path
) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with (wheels / "numpy-1-cp311-cp311-manylinux_2_17_aarch64.whl").open("wb") as file:
        file.truncate(200 << 20)
    before = hashlib.sha256(image.read_bytes()).hexdigest()
    done = flash("--image", image, *secrets, "--wheelhouse", wheels)
    assert done.returncode == 1
    assert "MB are free and" in done.stderr.splitlines()[-1]
    assert hashlib.sha256(image.read_bytes()).hexdigest() == before


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "no image of a card with a boot partition"),
        (b"text" * 1000, "no image of a card with a boot partition"),
        (b"\xfd7zXZ\0" + b"\0" * 1000, "compressed: xz -d it first"),
        (b"\0" * 510 + b"\x55\xaa", "no image of a card with a boot partition"),
    ],
)
def test_a_file_that_is_no_image_is_refused_and_left_alone(tmp_path: Path, content: bytes, line: str) -> None:
    (tmp_path / "card.img").write_bytes(content)
    with pytest.raises(Refusal, match=line):
        find_fat(tmp_path / "card.img")
    assert (tmp_path / "card.img").read_bytes() == content


@pytest.mark.parametrize("missing", ["cmdline.txt", "config.txt"])
def test_a_folder_that_is_no_boot_partition_is_refused_and_left_alone(
    card: Path, secrets: list[str], missing: str
) -> None:
    (card / missing).unlink()
    before = sorted(card.rglob("*"))
    done = flash("--boot", card, *secrets)
    assert done.returncode == 1
    assert f"no boot partition of Raspberry Pi OS: {missing} is missing" in done.stderr
    assert sorted(card.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--host", "My Pi"], "--host My Pi: must be small letters"),
        (["--user", "root me"], "--user root me: must be"),
        (["--country", "Germany"], "--country Germany: must be two capital letters"),
        (["--locale", "german"], "--locale german: must be"),
        (["--timezone", "a b"], "--timezone a b: must be"),
        (["--set", "fps"], "--set fps: must be SECTION.KEY=VALUE"),
        (["--purpose", "fun"], "--purpose fun: must be one of"),
        (["--purpose", "workplace"], "EU AI Act, Art. 5(1)(f)"),
        (["--wifi", "x" * 33], "must be 1 to 32 bytes"),
        (["--wheelhouse", "/nonexistent"], "--wheelhouse /nonexistent: no such folder"),
        (["--ssh-key", "/nonexistent"], "--ssh-key /nonexistent: No such file"),
        (["--device", "/dev/null"], "--device goes with --image"),
    ],
)
def test_a_wrong_wish_is_refused_before_anything_is_written(
    card: Path, secrets: list[str], words: list[str], line: str
) -> None:
    before = {path: path.read_bytes() for path in card.rglob("*")}
    done = flash("--boot", card, *secrets, *words)
    assert done.returncode == 1
    assert line in done.stderr
    assert done.stderr.count("\n") == 1
    assert {path: path.read_bytes() for path in card.rglob("*")} == before


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "a private key"),
        ("nonsense\n", "must be a public key"),
        ("", "is empty"),
    ],
)
def test_a_key_that_is_none_is_refused(card: Path, tmp_path: Path, content: str, line: str) -> None:
    (tmp_path / "key").write_text(content)
    done = flash("--boot", card, "--purpose", "home", "--ssh-key", tmp_path / "key")
    assert (done.returncode, line in done.stderr) == (1, True), done.stderr


def test_a_card_that_does_not_say_its_release_is_asked_about(tmp_path: Path, secrets: list[str]) -> None:
    card = fill(tmp_path / "card", "bookworm")
    (card / "issue.txt").unlink()
    assert "--release bookworm or --release trixie" in flash("--boot", card, *secrets).stderr
    assert flash("--boot", card, *secrets, "--release", "bookworm").returncode == 0


def test_wheels_for_another_python_are_refused(card: Path, secrets: list[str], tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / "numpy-1-cp312-cp312-manylinux_2_17_aarch64.whl").write_text("")
    done = flash("--boot", card, *secrets, "--wheelhouse", wheels)
    assert (done.returncode, f"holds no wheels for {card.name} on aarch64" in done.stderr) == (1, True)


def test_without_a_way_in_nothing_is_written(card: Path) -> None:
    done = flash("--boot", card, "--purpose", "home")
    assert (done.returncode, done.stderr) == (1, "setup.sh: --password-file is missing (or --ssh-key)\n")


def test_a_folder_that_is_not_there_or_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no such folder; put the card in"):
        Folder(tmp_path / "none")
    if os.geteuid() != 0:
        tmp_path.chmod(0o500)
        with pytest.raises(Refusal, match="mounted read-only"):
            Folder(tmp_path)


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ({"ro": False, "mountpoints": [None]}, ""),
        ({"ro": True, "mountpoints": [None]}, "cannot be written; is the card locked?"),
        ({"ro": False, "mountpoints": ["/"]}, "in use as /; unmount it first, if it is the card"),
        ({"ro": False, "mountpoints": ["[SWAP]"]}, "in use as [SWAP]; unmount it first, if it is the card"),
    ],
)
def test_a_device_that_is_in_use_or_locked_is_never_written(entry: dict[str, Any], line: str) -> None:
    fine = {"ro": False, "mountpoints": [None]}
    assert unfit([entry]) == line
    assert unfit([fine | {"children": [fine, entry]}]) == line


def test_the_address_names_the_port_that_was_wished_for(card: Path, secrets: list[str]) -> None:
    done = flash("--boot", card, *secrets, "--set", "web.port=9000")
    assert done.returncode == 0, done.stderr
    assert "http://mien.local:9000/#" in done.stdout
