"""The settings of an installed Mien: written once, checked by Mien itself, and from then on the owner's."""

from __future__ import annotations

import grp
import json
import os
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.machine import Machine, Refusal, ask, say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deploy.install import Wishes

FILE = "/etc/mien/mien.toml"
PASSWORD = "/etc/mien/mqtt.password"  # noqa: S105  (a file's name)
ACTIVE_MODEL = "/opt/mien/models/active.tflite"
HEAD = "# Mien's settings, as installed: only what differs from the defaults. All of them: mien config --print\n"


def check_changes(changes: Iterable[str]) -> None:
    """Raises Refusal for a word that is no SECTION.KEY=VALUE."""
    for change in changes:
        split(change)


def split(change: str) -> tuple[str, str, object]:
    """Section, key and value; a value that TOML cannot read is a string. Raises Refusal."""
    path, equals, text = change.partition("=")
    section, dot, key = path.strip().partition(".")
    if not (equals and dot and section.isidentifier() and key.isidentifier()):
        raise Refusal(f"--set {change}: must be SECTION.KEY=VALUE")
    try:
        return section, key, tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return section, key, text


def port_of(changes: Iterable[str], default: int) -> int:
    """The page's port, if these wishes name one."""
    ports = [value for section, key, value in map(split, changes) if (section, key) == ("web", "port")]
    return next((port for port in reversed(ports) if isinstance(port, int)), default)


def compose(wishes: Wishes, kind: str) -> str:
    """The file's text: what a service needs, what was wished for on top."""
    table: dict[str, dict[str, object]] = {
        "source": {"kind": kind},
        "classify": {"model": ACTIVE_MODEL},
        "jsonl": {"stdout": False},  # the journal is no place for events
    }
    if wishes.lan:
        table["web"] = {"bind": "0.0.0.0"}  # noqa: S104  (its owner asked for it, and it needs the token)
    if wishes.mqtt_password is not None:
        table["mqtt"] = {"password_file": PASSWORD}
    for section, key, value in map(split, wishes.changes):
        table.setdefault(section, {})[key] = value
    lines = [HEAD]
    for section, values in table.items():
        lines += [
            f"[{section}]",
            *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()),
        ]
        lines.append("")
    return "\n".join(lines)


def write(machine: Machine, wishes: Wishes, folder: str) -> None:
    """Write the file unless there is one; either way Mien must accept it. Raises Refusal."""
    path = machine.path(FILE)
    if wishes.mqtt_password is not None:
        secret(machine, PASSWORD, wishes.mqtt_password.read_text().splitlines()[0] + "\n")
    if path.exists():
        if wishes.changes or wishes.source or wishes.lan:
            say(f"{FILE} is kept as it is: --source, --set and --lan are for the first install")
        if not machine.dry:
            check(folder, path)
        return
    text = compose(wishes, wishes.source or ("v4l2" if machine.dry else camera(folder)))
    if not machine.dry:
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as proposed:
            proposed.write(text)
            proposed.flush()
            check(folder, Path(proposed.name), FILE)
    machine.write(FILE, text)


def check(folder: str, path: Path, name: str = "") -> None:
    """Have a release read a file of settings. Raises Refusal with its line."""
    try:
        ask(f"{folder}/venv/bin/mien", "config", "--check", str(path), what="the settings")
    except Refusal as refusal:
        words = str(refusal).partition("mien: ")[2] or str(refusal)
        raise Refusal(words.replace(str(path), name or str(path))) from None


def camera(folder: str) -> str:
    """The kind of camera to wait for: the Pi's own where one is found, else USB.

    Not "auto": a service whose camera is unplugged at boot must not publish the demo's face.
    """
    words = "from edge.config import SourceConfig; from edge.sources import picamera;"
    words += " print(picamera.find(SourceConfig()) or '')"
    try:
        return "picamera" if ask(f"{folder}/venv/bin/python", "-I", "-c", words).strip() else "v4l2"
    except Refusal:
        return "v4l2"


def secret(machine: Machine, name: str, text: str) -> None:
    """A file for root and the service alone."""
    machine.write(name, text, 0o640)
    if not machine.dry:
        os.chown(machine.path(name), 0, grp.getgrnam("mien").gr_gid)
