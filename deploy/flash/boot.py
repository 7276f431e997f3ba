"""A boot partition: a mounted folder, or the FAT inside an image file by mtools. No root is needed for either."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Protocol

from deploy.machine import Refusal, write_whole

SECTOR = 512
FAT_TYPES = (0x04, 0x06, 0x0B, 0x0C, 0x0E)
MUST_HAVE = ("cmdline.txt", "config.txt")
COMPRESSED = {b"\xfd7zXZ\0": "xz -d", b"\x1f\x8b": "gunzip", b"PK\x03\x04": "unzip", b"(\xb5/\xfd": "zstd -d"}


class Boot(Protocol):
    """name: for people. Names inside are relative, with /."""

    name: str

    def has(self, name: str) -> bool:
        """Whether there is such a file or folder."""
        ...

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises Refusal."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Write a file, its folders too. Raises Refusal."""
        ...

    def copy(self, file: Path, name: str) -> None:
        """Write a large file. Raises Refusal."""
        ...

    def free(self) -> int:
        """Free bytes."""
        ...


def check(boot: Boot) -> None:
    """Raises Refusal where this is no boot partition of Raspberry Pi OS."""
    for name in MUST_HAVE:
        if not boot.has(name):
            raise Refusal(f"{boot.name}: no boot partition of Raspberry Pi OS: {name} is missing")


class Folder:
    """A mounted boot partition. Raises Refusal where nothing can be written."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        if not path.is_dir():
            raise Refusal(f"--boot {path}: no such folder; put the card in and mount its first partition")
        if not os.access(path, os.W_OK):
            raise Refusal(f"--boot {path}: cannot be written; is the card locked, or mounted read-only?")

    def has(self, name: str) -> bool:
        return (self._path / name).exists()

    def read(self, name: str) -> bytes:
        try:
            return (self._path / name).read_bytes()
        except OSError as error:
            raise Refusal(f"{self._path / name}: {error.strerror}") from error

    def write(self, name: str, content: bytes) -> None:
        path = self._path / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content, 0o644)
        except OSError as error:
            raise Refusal(f"{path}: {error.strerror}") from error

    def copy(self, file: Path, name: str) -> None:
        self.write(name, file.read_bytes())

    def free(self) -> int:
        return shutil.disk_usage(self._path).free


class Image:
    """The first FAT partition of an image file. Raises Refusal where there is none."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        if shutil.which("mcopy") is None:
            raise Refusal("--image needs mtools: sudo apt install mtools")
        if path.is_block_device():
            raise Refusal(f"--image {path}: a device, not a file; mount its first partition and use --boot")
        self._partition = f"{path}@@{find_fat(path)}"

    def _mtools(self, *command: str, content: bytes | None = None) -> bytes:
        environment = os.environ | {"MTOOLSRC": os.devnull, "MTOOLS_SKIP_CHECK": "1"}
        words = [command[0], "-i", self._partition, *command[1:]]
        done = subprocess.run(words, env=environment, input=content, capture_output=True, check=False)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
            raise Refusal(f"{self.name}: {command[0]}: {(said or ['failed'])[-1]}")
        return done.stdout

    def has(self, name: str) -> bool:
        try:
            self._mtools("mdir", "-b", f"::/{name}")
        except Refusal:
            return False
        return True

    def read(self, name: str) -> bytes:
        return self._mtools("mtype", f"::/{name}")

    def _make_folders(self, name: str) -> None:
        for parent in reversed(Path(name).parents[:-1]):
            if not self.has(str(parent)):
                self._mtools("mmd", f"::/{parent}")

    def write(self, name: str, content: bytes) -> None:
        self._make_folders(name)
        self._mtools("mcopy", "-o", "-", f"::/{name}", content=content)

    def copy(self, file: Path, name: str) -> None:
        self._make_folders(name)
        self._mtools("mcopy", "-o", str(file), f"::/{name}")

    def free(self) -> int:
        words = self._mtools("mdir", "::/").decode(errors="replace").replace("\xa0", " ").splitlines()
        last = [line for line in words if line.strip().endswith("bytes free")][-1]
        return int("".join(filter(str.isdigit, last)))


def find_fat(path: Path) -> int:
    """The offset in bytes of an image's first FAT partition. Raises Refusal, naming what the file is instead."""
    try:
        with path.open("r+b") as file:
            table = file.read(SECTOR)
            for start, kind in partitions(table):
                file.seek(start * SECTOR)
                if kind in FAT_TYPES and file.read(SECTOR)[510:] == b"\x55\xaa":
                    return start * SECTOR
    except OSError as error:
        raise Refusal(f"--image {path}: {error.strerror}") from error
    for magic, cure in COMPRESSED.items():
        if table.startswith(magic):
            raise Refusal(f"--image {path}: compressed: {cure} it first")
    raise Refusal(f"--image {path}: no image of a card with a boot partition")


def partitions(table: bytes) -> list[tuple[int, int]]:
    """First sector and type of each entry of a partition table (MBR); none if it is no such table."""
    if len(table) < SECTOR or table[510:] != b"\x55\xaa":
        return []
    entries = [table[446 + 16 * number :][:16] for number in range(4)]
    return [(struct.unpack("<I", entry[8:12])[0], entry[4]) for entry in entries if entry[4]]
