"""Photos with known faces: a folder that holds `boxes.csv` and the photos, beside it or in `img/`.

The columns of boxes.csv are image,x,y,w,h in pixels and, optionally, `invalid` (1: nobody can say, ignore it)
and `label`. A photo that no line names has no face.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from msgspec import Struct

from edge.errors import SourceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

BOXES = "boxes.csv"
COLUMNS = ("image", "x", "y", "w", "h")
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".pgm", ".ppm", ".webp", ".tif", ".tiff", ".gif")


class Photo(Struct, frozen=True, eq=False):
    """One photo's file and its faces.

    boxes: float64, shape (n, 4): x_min, y_min, x_max, y_max in its pixels.
    ignored: bool, shape (n,): a box that is neither to be found nor to be missed.
    labels: one word a box, "" where there is none.
    """

    path: Path
    boxes: NDArray[np.float64]
    ignored: NDArray[np.bool_]
    labels: tuple[str, ...] = ()

    def read_luma(self) -> NDArray[np.uint8]:
        """uint8, shape (height, width). Raises SourceError."""
        luma = cv2.imread(str(self.path), cv2.IMREAD_GRAYSCALE)
        if luma is None:
            raise SourceError(f"{self.path}: no picture that can be read")
        return np.asarray(luma, np.uint8)


def read_photos(folder: Path) -> list[Photo]:
    """The folder's photos by name. Raises SourceError, with file and line, where it breaks the format."""
    table = folder / BOXES
    rows: dict[str, list[tuple[list[float], bool, str]]] = {}
    try:
        reader = csv.DictReader(table.read_text(encoding="utf-8-sig").splitlines())
        columns, lines = reader.fieldnames or (), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SourceError(f"{table}: cannot be read: {reason}") from error
    if missing := [column for column in COLUMNS if column not in columns]:
        raise SourceError(f"{table}: column {missing[0]!r} is missing")
    for number, row in enumerate(lines, 2):
        rows.setdefault(row["image"], []).append(_parse(row, f"{table}: line {number}"))
    photos = folder / "img" if (folder / "img").is_dir() else folder
    names = sorted(path.name for path in photos.iterdir() if path.suffix.lower() in SUFFIXES)
    if unknown := sorted(rows.keys() - set(names)):
        raise SourceError(f"{table}: {unknown[0]}: no such photo in {photos}")
    if not names:
        raise SourceError(f"{photos}: holds no photo")
    return [_photo(photos / name, rows.get(name, [])) for name in names]


def _photo(path: Path, rows: list[tuple[list[float], bool, str]]) -> Photo:
    boxes = np.array([box for box, _, _ in rows], np.float64).reshape(-1, 4)
    ignored = np.array([ignored for _, ignored, _ in rows], bool)
    return Photo(path, boxes, ignored, tuple(label for _, _, label in rows))


def _parse(row: dict[str, str], where: str) -> tuple[list[float], bool, str]:
    try:
        x, y, width, height = (float(row[column]) for column in COLUMNS[1:])
        ignored = bool(int(float(row.get("invalid") or 0)))
    except (TypeError, ValueError) as error:
        raise SourceError(f"{where}: x, y, w, h and invalid must be numbers") from error
    if not all(map(math.isfinite, (x, y, width, height))) or width < 0 or height < 0:
        raise SourceError(f"{where}: a box has finite sides of 0 or more; got {x}, {y}, {width}, {height}")
    return [x, y, x + width, y + height], ignored, row.get("label") or ""
