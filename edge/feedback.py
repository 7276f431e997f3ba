"""Faces whose label somebody corrected: 48x48 crops in a folder a class, on this device alone, off by default.

The folder is what `mien-train fit --extra` takes: LABEL/NAME.png. A name says when, and what Mien had said.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

import cv2
from msgspec import Struct

from edge.errors import SinkError
from edge.model.labels import FERPLUS
from edge.model.preprocess import crop_face
from edge.places import state_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from edge.config import FeedbackConfig
    from edge.messages import Reading
    from edge.model.preprocess import CropContract

FOLDER = "feedback"
KEPT_S, KEPT_EVERY_S = 20.0, 0.25
"""A viewer needs a moment to say what was wrong: so long a face as it was can still be named."""
FACES_MAX = 8


class Seen(Struct, frozen=True, eq=False):
    """A face at one moment, as the model saw it. crop: uint8, shape (size, size)."""

    frame: int
    time_s: float
    track: str
    emotion: str | None
    crop: NDArray[np.uint8]


class Glimpses:
    """The faces of the last KEPT_S; some 1.5 MB at most. Emptied as soon as privacy is on."""

    def __init__(self, contract: CropContract) -> None:
        self._contract = contract
        self._lock = threading.Lock()
        self._seen: deque[Seen] = deque(maxlen=int(FACES_MAX * KEPT_S / KEPT_EVERY_S))
        self._taken_s = float("-inf")

    def take(self, reading: Reading) -> None:
        """Called with every reading; takes what is due."""
        frame = reading.frame
        if 0 <= frame.time_s - self._taken_s < KEPT_EVERY_S:
            return
        self._taken_s = frame.time_s
        visible = [estimate for estimate in reading.estimates if estimate.track.visible][:FACES_MAX]
        found = [
            Seen(
                frame.sequence,
                frame.time_s,
                estimate.track.id,
                estimate.emotion,
                crop_face(frame.luma, estimate.track.face.box, self._contract)[:, :, 0],
            )
            for estimate in visible
        ]
        with self._lock:
            while self._seen and not 0 <= frame.time_s - self._seen[0].time_s <= KEPT_S:
                self._seen.popleft()
            self._seen.extend(found)

    def find(self, track: str, frame: int | None) -> Seen | None:
        """The face at that frame or just before it, the newest without a frame; None if it is forgotten."""
        with self._lock:
            found = [seen for seen in self._seen if seen.track == track]
        before = [seen for seen in found if frame is None or seen.frame <= frame]
        return before[-1] if before else (found[0] if found else None)

    def forget(self, _private: bool = True) -> None:  # noqa: FBT001, FBT002  (the privacy switch calls it so)
        with self._lock:
            self._seen.clear()


class Store:
    """The folder."""

    def __init__(self, folder: Path, max_files: int) -> None:
        self.folder = folder
        self._max_files = max_files

    def keep(self, seen: Seen, label: str) -> Path:
        """The crop under its right label. Raises SinkError."""
        if label not in FERPLUS:
            raise SinkError(f"{label}: is none of {', '.join(FERPLUS)}")
        if sum(self.counts().values()) >= self._max_files:
            raise SinkError(f"{self.folder}: holds feedback.max_files = {self._max_files} faces: delete some")
        when = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        path = self.folder / label / f"{when}-{token_hex(4)}-was-{seen.emotion or 'undecided'}.png"
        _, content = cv2.imencode(".png", seen.crop)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(content.tobytes())
        except OSError as error:
            with contextlib.suppress(OSError):
                path.unlink()
            raise SinkError(f"{path}: cannot be written: {error.strerror}") from error
        return path

    def files(self) -> Iterator[Path]:
        """Every crop, by label and time."""
        for label in FERPLUS:
            folder = self.folder / label
            if folder.is_dir():
                yield from sorted(folder.glob("*.png"))

    def counts(self) -> dict[str, int]:
        """How many of each label, labels without any left out."""
        found: dict[str, int] = {}
        for path in self.files():
            found[path.parent.name] = found.get(path.parent.name, 0) + 1
        return found

    def export(self, out: Path) -> int:
        """Copies into a folder that is new or empty; returns how many. Raises SinkError."""
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise SinkError(f"{out}: must be a new or empty folder")
        number = 0
        try:
            for path in self.files():
                (out / path.parent.name).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, out / path.parent.name / path.name)
                number += 1
        except OSError as error:
            raise SinkError(f"{out}: cannot be written: {error.strerror}") from error
        return number

    def delete(self) -> int:
        """All of them; returns how many. Raises SinkError."""
        number = 0
        try:
            for path in list(self.files()):
                path.unlink()
                number += 1
            for label in FERPLUS:
                with contextlib.suppress(FileNotFoundError):
                    (self.folder / label).rmdir()
        except OSError as error:
            raise SinkError(f"{self.folder}: cannot be emptied: {error.strerror}") from error
        return number


def open_store(config: FeedbackConfig) -> Store:
    return Store(Path(config.folder) if config.folder else state_folder() / FOLDER, config.max_files)
