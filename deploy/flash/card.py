"""`setup.sh flash`: writes the first boot's files onto a boot partition, reads them back and checks them."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from deploy import release, token
from deploy.flash import boot as partition
from deploy.flash import cloudinit, firstrun, qr
from deploy.machine import Refusal, say
from deploy.token import PORT

if TYPE_CHECKING:
    from deploy.flash.boot import Boot
    from deploy.flash.wishes import Device

HERE = Path(__file__).resolve().parent
FOLDER = "mien"
SPARE_BYTES = 8_000_000
TRIXIE_SINCE = "2025-10-01"
"""Of Raspberry Pi OS; older images are Bookworm. Later ones may be either: "legacy" is Bookworm still."""


class Order(NamedTuple):
    """What goes onto the card. settings: as firstboot.py reads them; token: "" where the page stays local."""

    device: Device
    settings: dict[str, object]
    token: str
    wheelhouse: Path | None
    source: Path
    port: int = PORT


def prepare(boot: Boot, order: Order, release_name: str | None) -> None:
    """Everything; what starts it at the first boot is written last. Raises Refusal."""
    partition.check(boot)
    suite = release_name or release_of(boot)
    by_cloud_init = boot.has("user-data") or boot.has("meta-data")
    way = "cloud-init" if by_cloud_init else "firstrun.sh"
    say(f"{boot.name}: Raspberry Pi OS {suite}, first boot by {way}")
    parts = {f"{FOLDER}/{name}": content for name, content in project(order).items()}
    parts[f"{FOLDER}/settings.json"] = json.dumps(order.settings, indent=1).encode() + b"\n"
    wheels = sorted(order.wheelhouse.glob("*.whl")) if order.wheelhouse else []
    check_room(boot, sum(map(len, parts.values())) + sum(wheel.stat().st_size for wheel in wheels))
    check_wheels(wheels, suite)
    last = begin(boot, order.device, by_cloud_init=by_cloud_init)
    for number, wheel in enumerate(wheels, 1):
        say(f"wheel {number} of {len(wheels)}: {wheel.name}")
        boot.copy(wheel, f"{FOLDER}/wheels/{wheel.name}")
    for name, content in (parts | last).items():
        boot.write(name, content)
    verify(boot, parts | last, wheels, by_cloud_init=by_cloud_init)
    say(f"written, read back and checked: {len(parts) + len(last) + len(wheels)} files")


def release_of(boot: Boot) -> str:
    """Bookworm or Trixie. Raises Refusal where the card does not say."""
    if boot.has("user-data"):
        return "trixie"
    text = boot.read("issue.txt").decode(errors="replace") if boot.has("issue.txt") else ""
    date = re.search(r"\b(20\d\d-\d\d-\d\d)\b", text)
    if date and date[1] < TRIXIE_SINCE:
        return "bookworm"
    raise Refusal(f"{boot.name}: does not say which release it is: --release bookworm or --release trixie")


def begin(boot: Boot, device: Device, *, by_cloud_init: bool) -> dict[str, bytes]:
    """The files that make the first boot different, in the order in which they are written."""
    if by_cloud_init:
        return {name: text.encode() for name, text in cloudinit.files(device).items()}
    line = firstrun.command_line(boot.read("cmdline.txt").decode(errors="replace"))
    return {firstrun.SCRIPT: firstrun.script(device).encode(), "cmdline.txt": line.encode()}


def project(order: Order) -> dict[str, bytes]:
    """What installs Mien there."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for path in release.shipped(order.source):
            archive.add(path, str(path.relative_to(order.source)), filter=anonymous)
    names = {"begin.sh": HERE / "begin.sh", "firstboot.sh": HERE / "firstboot.sh"}
    names["mien-firstboot.service"] = order.source / "systemd/mien-firstboot.service"
    return {"mien.tar.gz": content.getvalue()} | {name: path.read_bytes() for name, path in names.items()}


def anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without the workstation's user."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def check_room(boot: Boot, needed: int) -> None:
    """Raises Refusal."""
    free = boot.free()
    if free < needed + SPARE_BYTES:
        raise Refusal(
            f"{boot.name}: {free / 1e6:.0f} MB are free and {(needed + SPARE_BYTES) / 1e6:.0f} are needed"
        )


def check_wheels(wheels: list[Path], suite: str) -> None:
    """Raises Refusal where the wheels are for another Python or processor."""
    tag = {"bookworm": "cp311", "trixie": "cp313"}[suite]
    numpy = [wheel.name for wheel in wheels if wheel.name.startswith("numpy-")]
    if wheels and not any(tag in name and "aarch64" in name for name in numpy):
        raise Refusal(
            f"{wheels[0].parent}: holds no wheels for {suite} on aarch64: setup.sh wheelhouse DIR --release {suite}"
        )


def verify(boot: Boot, written: dict[str, bytes], wheels: list[Path], *, by_cloud_init: bool) -> None:
    """Read everything back; check what the first boot will read. Raises Refusal."""
    for name, content in written.items():
        if boot.read(name) != content:
            raise Refusal(f"{boot.name}: {name} reads back otherwise than it was written: the card may be broken")
    for wheel in wheels:
        if boot.read(f"{FOLDER}/wheels/{wheel.name}") != wheel.read_bytes():
            raise Refusal(f"{boot.name}: {wheel.name} reads back otherwise than it was written")
    with tempfile.TemporaryDirectory() as folder:
        for name in written:
            (Path(folder) / name.replace("/", "-")).write_bytes(boot.read(name))
        if by_cloud_init:
            check_schema(Path(folder) / "user-data")
        else:
            check_syntax(Path(folder) / firstrun.SCRIPT)
            if boot.read("cmdline.txt").count(b"\n") != 1:
                raise Refusal(f"{boot.name}: cmdline.txt has more than one line")


def check_schema(file: Path) -> None:
    """By cloud-init itself, where it is there. Raises Refusal."""
    if shutil.which("cloud-init") is None:
        say("cloud-init is not on this machine: user-data is not held against its schema")
        return
    done = subprocess.run(
        ["cloud-init", "schema", "--config-file", str(file)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Refusal(f"user-data does not keep cloud-init's schema: {(done.stderr or done.stdout).strip()}")


def check_syntax(file: Path) -> None:
    """By the shell, which only reads it. Raises Refusal."""
    done = subprocess.run(["bash", "-n", str(file)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refusal(f"{firstrun.SCRIPT}: {done.stderr.strip()}")


def tell(order: Order) -> None:
    """The address with the token, as text and as QR. It is shown this once."""
    if not order.token:
        return
    address = token.address(order.device.host, order.token, order.port)
    print(f"The page, once Mien runs (keep this address: it holds the token):\n  {address}")  # noqa: T201
    try:
        print(qr.draw(address), end="")  # noqa: T201
    except Refusal as refusal:
        say(f"no QR code: {refusal}; sudo apt install python3-segno brings what draws it")
    except UnicodeEncodeError:
        say("no QR code: this terminal does not show UTF-8")
