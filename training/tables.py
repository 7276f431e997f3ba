"""FER-2013 and FER+ as the comma-separated tables in which they are published.

A row that breaks a rule is left out and counted, with the first line it happened on; a table without a single good
row is an error.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import SourceError
from edge.model.labels import FER2013
from training.dataset import FACE_PX, VOTE_COLUMNS, Faces

csv.field_size_limit(1_000_000)


class RowError(ValueError):
    """A row that breaks a rule; the message is the rule."""


def read_csv(path: Path) -> Faces:
    """Faces from fer2013.csv (emotion,pixels,Usage) or icml_face_data.csv (emotion, Usage, pixels).

    Raises SourceError if a column is missing or no row is good.
    """
    pixels, emotions, usages, lines = [], [], [], []
    skipped = Skipped()
    for line, row in rows_of(path, ("emotion", "pixels", "usage")):
        try:
            emotion, picture = parse_emotion(row["emotion"]), parse_pixels(row["pixels"])
        except RowError as error:
            skipped.add(str(error), line)
            continue
        pixels.append(picture)
        emotions.append(emotion)
        usages.append(row["usage"].strip())
        lines.append(f"line {line}")
    if not pixels:
        raise SourceError(f"{path}: not one good row{skipped.first()}")
    return Faces(
        pixels=np.stack(pixels),
        emotions=np.array(emotions, np.int8),
        labels=FER2013,
        splits=np.array(usages),
        names=np.array(lines),
        skipped=skipped.counts(),
    )


def parse_emotion(text: str) -> int:
    """FER-2013's number of an emotion. Raises RowError."""
    word = text.strip()
    if not word.isdecimal() or int(word) >= len(FER2013):
        raise RowError(f"emotion must be 0 to {len(FER2013) - 1}")
    return int(word)


def parse_pixels(text: str) -> NDArray[np.uint8]:
    """A picture from its numbers, row by row. Raises RowError."""
    try:
        values = bytes(map(int, text.split()))
    except ValueError as error:
        raise RowError("pixels must be whole numbers from 0 to 255") from error
    if len(values) != FACE_PX * FACE_PX:
        raise RowError(f"there must be {FACE_PX * FACE_PX} pixels")
    return np.frombuffer(values, np.uint8).reshape(FACE_PX, FACE_PX)


def read_votes(path: Path, faces: Faces) -> Faces:
    """The faces with FER+'s votes (fer2013new.csv); those that most taggers call no face are left out and counted.

    Rows are matched by image name where the faces have one, else by line, and then their Usage has to agree.
    Raises SourceError if the votes belong to other faces.
    """
    by_name: dict[str, NDArray[np.uint8]] = {}
    by_line: dict[str, tuple[str, NDArray[np.uint8]]] = {}
    for line, row in rows_of(path, ("usage", "image name", *(name.lower() for name in VOTE_COLUMNS))):
        try:
            counts = np.frombuffer(bytes(int(row[name.lower()]) for name in VOTE_COLUMNS), np.uint8)
        except ValueError as error:
            raise SourceError(f"{path}: line {line}: votes must be whole numbers from 0 to 255") from error
        by_name[row["image name"].strip()] = counts
        by_line[f"line {line}"] = (row["usage"].strip(), counts)
    known = len(faces) + sum(faces.skipped.values())
    lined = bool(faces.names[0].startswith("line "))
    if lined and len(by_line) != known:
        raise SourceError(f"{path}: {len(by_line)} rows of votes for {known} rows of faces")
    votes = np.zeros((len(faces), len(VOTE_COLUMNS)), np.uint8)
    for number, (name, usage) in enumerate(zip(faces.names.tolist(), faces.splits.tolist(), strict=True)):
        if lined and by_line[name][0] != usage:
            raise SourceError(f"{path}: {name}: Usage {by_line[name][0]!r}, but the face's is {usage!r}")
        if not lined and name not in by_name:
            raise SourceError(f"{path}: no votes for the face {name}")
        votes[number] = by_line[name][1] if lined else by_name[name]
    no_face = votes[:, VOTE_COLUMNS.index("NF")] > votes.sum(axis=1) / 2
    skipped = dict(faces.skipped)
    if no_face.any():
        skipped["no face, by the votes"] = int(no_face.sum())
    voted = Faces(faces.pixels, faces.emotions, faces.labels, faces.splits, faces.names, votes, skipped)
    return voted.take(~no_face)


def rows_of(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, row) for every row; a missing cell is empty. Raises SourceError."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = [name.strip().lower() for name in next(reader, [])]
            for column in columns:
                if column not in header:
                    raise SourceError(
                        f"{path}: column {column!r} is missing (there are {', '.join(header) or 'none'})"
                    )
            for row in reader:
                cells = row + [""] * (len(header) - len(row))
                yield reader.line_num, dict(zip(header, cells, strict=False))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SourceError(f"{path}: cannot be read: {reason}") from error


class Skipped:
    """Rows left out: how many for which reason, and where it happened first."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._first: dict[str, str] = {}

    def add(self, reason: str, where: int | str) -> None:
        self._counts[reason] = self._counts.get(reason, 0) + 1
        self._first.setdefault(reason, f"line {where}" if isinstance(where, int) else where)

    def counts(self) -> dict[str, int]:
        return {f"{reason} (first: {self._first[reason]})": count for reason, count in self._counts.items()}

    def first(self) -> str:
        """': reason (first: where)' of the first reason, or nothing."""
        return next((f": {reason}" for reason in self.counts()), "")
