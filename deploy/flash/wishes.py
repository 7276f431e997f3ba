"""What a headless device must be told before its first boot, and the rules for it."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from deploy.machine import Refusal

HASHED = re.compile(r"\$[0-9a-z]+\$\S+")


class Person(NamedTuple):
    """Who may log in. password_hash: as in /etc/shadow; "" where only the key lets in."""

    name: str
    password_hash: str
    ssh_key: str


class Wifi(NamedTuple):
    """psk: 64 hexadecimal digits, made from the passphrase, which does not go onto the card."""

    ssid: str
    psk: str
    country: str


class Device(NamedTuple):
    """Everything of the system that the first boot sets."""

    host: str
    person: Person
    wifi: Wifi | None
    locale: str
    timezone: str


RULES = {
    "--host": (r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", "small letters, digits and -, 63 at most"),
    "--user": (r"[a-z_][a-z0-9_-]{0,31}", "a small letter first, then small letters, digits, - and _"),
    "--country": (r"[A-Z]{2}", "two capital letters, e.g. DE"),
    "--locale": (r"[a-z]{2,3}_[A-Z]{2}(\.UTF-8)?", "e.g. en_GB.UTF-8"),
    "--timezone": (r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", "e.g. Europe/Berlin"),
    "--ssh-key": (
        r"(ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [^\n'\"\\]*)?",
        "a public key, e.g. ~/.ssh/id_ed25519.pub",
    ),
}


def checked(option: str, value: str) -> str:
    """The value, if it keeps the option's rule. Raises Refusal."""
    pattern, rule = RULES[option]
    if not re.fullmatch(pattern, value):
        raise Refusal(f"{option} {value}: must be {rule}")
    return value


def first_line(option: str, file: Path) -> str:
    """A secret from a file. Raises Refusal."""
    try:
        lines = file.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text"
        raise Refusal(f"{option} {file}: {why}") from error
    if not lines or not lines[0]:
        raise Refusal(f"{option} {file}: is empty")
    return lines[0]


def key_of(file: Path | None) -> str:
    """A public key from its file. Raises Refusal, above all for a private one."""
    if file is None:
        return ""
    text = first_line("--ssh-key", file)
    if "PRIVATE" in text:
        raise Refusal(f"--ssh-key {file}: a private key; the public one ends in .pub")
    return checked("--ssh-key", text.strip())


def password_hash(password: str) -> str:
    """As /etc/shadow holds it; a hash stays as it is. Raises Refusal."""
    if not password or HASHED.fullmatch(password):
        return password
    try:  # through a pipe: a command line can be read by everyone
        done = subprocess.run(
            ["openssl", "passwd", "-6", "-stdin"], input=password, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise Refusal("hashing the password needs openssl, or give its hash (mkpasswd -m sha-512)") from error
    return done.stdout.strip()


def wifi_of(ssid: str | None, passphrase: str, country: str | None) -> Wifi | None:
    """Raises Refusal for what no access point takes."""
    if ssid is None:
        return None
    if not 1 <= len(ssid.encode()) <= 32:
        raise Refusal(f"--wifi {ssid}: must be 1 to 32 bytes")
    if country is None:
        raise Refusal("--country is missing: without it the radio stays off")
    if re.fullmatch(r"[0-9a-fA-F]{64}", passphrase):
        return Wifi(ssid, passphrase.lower(), checked("--country", country))
    if not re.fullmatch(r"[ -~]{8,63}", passphrase):
        raise Refusal("the Wi-Fi passphrase must be 8 to 63 printable ASCII characters")
    # IEEE 802.11, J.4.1
    psk = hashlib.pbkdf2_hmac("sha1", passphrase.encode(), ssid.encode(), 4096, 32).hex()
    return Wifi(ssid, psk, checked("--country", country))
