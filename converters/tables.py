"""Plain text tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns as wide as they need be; columns of numbers stand right."""
    texts = [[_text(cell) for cell in row] for row in rows]
    widths = [max(len(line[k]) for line in [list(heads), *texts]) for k in range(len(heads))]
    right = [all(_number(row[k]) for row in rows) for k in range(len(heads))]
    lines = [
        "  ".join(cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(line, widths, right, strict=True))
        for line in [list(heads), *texts]
    ]
    return "\n".join(line.rstrip() for line in lines)


def _number(cell: object) -> bool:
    return cell is None or (isinstance(cell, (int, float)) and not isinstance(cell, bool))


def _text(cell: object) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        return f"{cell:.4g}"
    if isinstance(cell, tuple):
        return "x".join(str(side) for side in cell)
    return str(cell)
