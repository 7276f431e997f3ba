"""The options of `setup.sh flash`, and its order of events."""

from __future__ import annotations

import getpass
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy import install, purpose, settings, token
from deploy.checks import RELEASES
from deploy.flash import card, wishes
from deploy.flash.boot import Folder, Image
from deploy.machine import Refusal, ask, say

if TYPE_CHECKING:
    import argparse

IMAGER = "rpi-imager"


def options(parser: argparse.ArgumentParser) -> None:
    """Adds them."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--boot", type=Path, metavar="DIR", help="the card's first partition, mounted")
    where.add_argument(
        "--image", type=Path, metavar="FILE", help="an image file of Raspberry Pi OS, not compressed"
    )
    parser.add_argument("--device", type=Path, metavar="/dev/...", help="write the prepared image onto this card")
    parser.add_argument("--release", choices=RELEASES, help="where the card does not say it")
    parser.add_argument("--host", default="mien", help="the device's name (mien)")
    parser.add_argument("--user", default="pi", help="who may log in (pi)")
    parser.add_argument("--ssh-key", type=Path, metavar="FILE.pub", help="lets the user in without a password")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="its first line, plain or hashed")
    parser.add_argument("--wifi", metavar="SSID", help="the network to join; its passphrase is asked for")
    parser.add_argument("--wifi-password-file", type=Path, metavar="FILE", help="its first line")
    parser.add_argument("--country", metavar="XX", help="where the radio is used, e.g. DE")
    parser.add_argument("--locale", default="en_GB.UTF-8")
    parser.add_argument("--timezone", default="Etc/UTC")
    parser.add_argument("--purpose", help="what it is for; asked where it is not given")
    parser.add_argument("--legal-exception", metavar="medical|safety", help="for workplace and education")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="a first setting")
    parser.add_argument("--mqtt-password-file", type=Path, metavar="FILE", help="its first line goes to the device")
    parser.add_argument("--local", action="store_true", help="do not let the local network see the page")
    parser.add_argument(
        "--wheelhouse", type=Path, metavar="DIR", help="wheels, so that the device needs no network"
    )


def run(given: argparse.Namespace) -> None:
    """Raises Refusal."""
    boot = Folder(given.boot) if given.boot else Image(given.image)
    if given.device and not given.image:
        raise Refusal("--device goes with --image: a mounted card is written already")
    if given.device:
        check_device(given.device)
    order = collect(given)
    card.prepare(boot, order, given.release)
    card.tell(order)
    if given.image:
        write_card(given.image, given.device)
    else:
        say("unmount the card, put it into the Pi and switch it on; mien-status.txt on the card says how it goes")


def check_device(device: Path) -> None:
    """Raises Refusal for what is no card, or is in use: a slip of the finger must not cost a disk."""
    if not device.is_block_device():
        raise Refusal(f"--device {device}: no block device")
    told = ask("lsblk", "--json", "--output", "RO,MOUNTPOINTS", str(device), what=f"--device {device}")
    if why := unfit(json.loads(told)["blockdevices"]):
        raise Refusal(f"--device {device}: {why}")


def unfit(tree: list[dict[str, Any]]) -> str:
    """Why a device must not be written, from what lsblk knows of it and of all that stands on it; "" if it may."""
    for entry in tree:
        if mounted := [place for place in entry["mountpoints"] if place]:
            return f"in use as {mounted[0]}; unmount it first, if it is the card"
        if entry["ro"]:
            return "cannot be written; is the card locked?"
        if why := unfit(entry.get("children", [])):
            return why
    return ""


def collect(given: argparse.Namespace) -> card.Order:
    """Everything that is asked for, checked. Raises Refusal."""
    if given.wheelhouse and not given.wheelhouse.is_dir():
        raise Refusal(f"--wheelhouse {given.wheelhouse}: no such folder")
    settings.check_changes(given.set)
    answer = purpose.settle(given.purpose, given.legal_exception, None)
    key = wishes.key_of(given.ssh_key)
    password = secret("--password-file", given.password_file, "" if key else f"Password for {given.user}: ")
    wifi_password = (
        secret("--wifi-password-file", given.wifi_password_file, f"Passphrase of {given.wifi}: ")
        if given.wifi
        else ""
    )
    device = wishes.Device(
        wishes.checked("--host", given.host),
        wishes.Person(wishes.checked("--user", given.user), wishes.password_hash(password), key),
        wishes.wifi_of(given.wifi, wifi_password, given.country),
        wishes.checked("--locale", given.locale),
        wishes.checked("--timezone", given.timezone),
    )
    shown = "" if given.local else token.make()
    told = {
        "purpose": answer,
        "changes": list(given.set),
        "offline": given.wheelhouse is not None,
        "mqtt_password": secret("--mqtt-password-file", given.mqtt_password_file, ""),
        "token_hash": token.hash_of(shown) if shown else "",
    }
    port = settings.port_of(given.set, token.PORT)
    return card.Order(device, told, shown, given.wheelhouse, install.SOURCE, port)


def secret(option: str, file: Path | None, prompt: str) -> str:
    """From a file, else asked for without an echo, else none. Raises Refusal."""
    if file is not None:
        return wishes.first_line(option, file)
    if not prompt:
        return ""
    if not sys.stdin.isatty():
        raise Refusal(f"{option} is missing" + (" (or --ssh-key)" if option == "--password-file" else ""))
    return getpass.getpass(prompt)


def write_card(image: Path, device: Path | None) -> None:
    """By Raspberry Pi Imager, whose job it is; without it, its command. Raises Refusal."""
    words = [IMAGER, "--cli", str(image.resolve()), str(device or "/dev/...")]
    if device is None or shutil.which(IMAGER) is None:
        say(f"the image is ready; write it onto a card: sudo {' '.join(words)}")
        return
    say(f"writing {image} onto {device}: everything on it will be lost")
    if subprocess.run(words, check=False).returncode != 0:
        raise Refusal(f"{IMAGER} failed; the image itself is ready")
