"""Models brought to an installed device: fetched, proved, kept, and put to use on trial.

They lie in /opt/mien/models beside `active.tflite`, the link that the settings of an installed Mien name. The link
is moved by /opt/mien/trial, which restarts the service and switches back by itself when that does not run.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from edge.config import load_config
from edge.errors import ControlError, ModelError
from edge.model.package import BUNDLED, bundled_models, open_model

if TYPE_CHECKING:
    from edge.model.package import Model

HOME = Path("/opt/mien")
SETTINGS = Path("/etc/mien/mien.toml")
MAX_BYTES = 64_000_000
TIMEOUT_S = 60


class Store:
    """The models of a device. home: where Mien is installed; settings: its file of settings."""

    def __init__(self, home: Path = HOME, settings: Path = SETTINGS) -> None:
        self.folder = home / "models"
        self.active = self.folder / "active.tflite"
        self._trial = home / "trial"
        self._assets = home / "current/edge/assets"
        self._settings = settings

    def installed(self) -> bool:
        """Whether this device runs Mien as a service."""
        return self._trial.is_file()

    def names(self) -> list[str]:
        """Of the models that were brought."""
        return sorted(path.stem for path in self.folder.glob("*.tflite") if path != self.active)

    def in_use(self) -> str:
        """The name of the active model; "" if there is none."""
        return self.active.readlink().stem if self.active.is_symlink() else ""

    def path(self, name: str) -> Path:
        """The file of a brought or bundled model. Raises ModelError."""
        if name in self.names():
            return self.folder / f"{name}.tflite"
        if name in bundled_models():
            return self._assets / f"{name}.tflite"
        raise ModelError(f"{name}: no such model: {', '.join([*bundled_models(), *self.names()])}")

    def add(self, content: bytes, origin: str) -> str:
        """Keep a model file that proves itself; its name. Raises ModelError, leaving nothing behind."""
        self._check()
        new = self.folder / f".{os.getpid()}.tflite"
        try:
            new.write_bytes(content)
            name = _name(open_model(new), content)
            new.chmod(0o644)
            with new.open("rb") as file:
                os.fsync(file.fileno())
            new.replace(self.folder / f"{name}.tflite")
        except ModelError as error:
            raise ModelError(str(error).replace(str(new), origin)) from error
        except OSError as error:
            raise ModelError(f"{self.folder}: {error.strerror}") from error
        finally:
            new.unlink(missing_ok=True)
        return name

    def use(self, name: str) -> str:
        """Put a model to use once more proved; what the trial said. Raises ModelError or ControlError."""
        self._check()
        path = self.path(name)
        open_model(path if path.is_file() else BUNDLED / path.name)
        return self._tried("switch", str(path) if path.parent == self._assets else path.name)

    def roll_back(self) -> str:
        """Put the model before this one to use; what the trial said. Raises ControlError."""
        self._check()
        return self._tried("rollback")

    def _tried(self, verb: str, *target: str) -> str:
        command = [str(self._trial), verb, str(self.active), *target]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        last = (done.stderr.strip().splitlines() or ["no verdict"])[-1].removeprefix("mien trial: ")
        if done.returncode != 0:
            raise ControlError(last)
        return last

    def _check(self) -> None:
        if not self.installed():
            raise ModelError(
                f"{self.folder.parent}: Mien is not installed as a service; --model FILE takes a model anywhere"
            )
        if not os.access(self.folder, os.W_OK):
            raise ModelError(f"{self.folder}: needs root: sudo mien models ...")
        named = load_config(self._settings).classify.model
        if named != str(self.active):
            raise ModelError(f'{self._settings}: classify.model = "{named}": set it to "{self.active}" first')


def fetch(origin: str, sha256: str | None) -> bytes:
    """A file's bytes, from the disk or by http(s). Raises ModelError if they are not those of the hash."""
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise ModelError(f"--sha256 {sha256}: must be 64 hexadecimal digits")
    if re.match(r"[a-z]+://", origin):
        if sha256 is None:
            raise ModelError(f"{origin}: needs --sha256, so that nobody on the way can change the file")
        content = _download(origin)
    else:
        try:
            content = Path(origin).read_bytes()
        except OSError as error:
            raise ModelError(f"{origin}: cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise ModelError(f"{origin}: larger than {MAX_BYTES / 1e6:.0f} MB")
    found = hashlib.sha256(content).hexdigest()
    if sha256 is not None and found != sha256.lower():
        raise ModelError(f"{origin}: its SHA-256 is {found}, not {sha256.lower()}")
    return content


def _download(url: str) -> bytes:
    if not url.startswith(("http://", "https://")):
        raise ModelError(f"{url}: must begin with https:// or http://")
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310  (checked above)
            content: bytes = answer.read(MAX_BYTES + 1)
    except urllib.error.HTTPError as error:
        raise ModelError(f"{url}: {error.code} {error.reason}") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{url}: {getattr(error, 'reason', error)}") from error
    return content


def _name(model: Model, content: bytes) -> str:
    """NAME-DIGEST: two models of one name do not overwrite each other."""
    name = model.manifest.name
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name) or name == "active":
        raise ModelError(f"{model.path}: the manifest's name {name!r} cannot be a file's")
    return f"{name}-{hashlib.sha256(content).hexdigest()[:8]}"
