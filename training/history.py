"""A run's history: one row an epoch, as CSV."""

from __future__ import annotations

import csv
from pathlib import Path

from edge.errors import SourceError
from training.whole import written_whole


def write_history(path: Path, rows: list[dict[str, float]]) -> None:
    """Raises SinkError if the file cannot be written."""
    with written_whole(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def read_history(path: Path) -> list[dict[str, float]]:
    """Raises SourceError if the file is missing or holds anything but numbers."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    except (OSError, ValueError, TypeError) as error:
        raise SourceError(f"{path}: no history that can be read: {error}") from error
