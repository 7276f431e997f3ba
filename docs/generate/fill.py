"""Which documents have generated parts, and what stands there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from docs.generate import commands, http, manifest, metrics, models, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PART = re.compile(r"<!-- generated: (?P<words>[^>]*?) -->\n.*?<!-- /generated -->", re.DOTALL)
MAKERS: dict[str, Callable[..., str]] = {
    "settings": settings.tables,
    "commands": commands.reference,
    "setup": commands.setup_help,
    "http": http.reference,
    "metrics": metrics.metrics_table,
    "manifest": manifest.tables,
    "models": models.overview,
    "scores": models.scores,
    "classes": models.classes,
    "errors": models.errors,
    "size": models.size,
    "cost": models.cost,
}
"""By the first word of a part's name; the other words are arguments."""


def documents(root: Path) -> list[Path]:
    """Every document that may have generated parts."""
    return sorted([*root.glob("*.md"), *root.glob("docs/**/*.md")])


def filled(root: Path) -> Iterator[tuple[Path, str]]:
    """(path, whole text as it should be) of every document with a generated part, and of the OpenAPI document.

    Raises KeyError for a part that nothing makes.
    """
    for path in documents(root):
        text = read(path)
        if PART.search(text):
            yield path, PART.sub(_part, text)
    yield root / "docs/reference/openapi.json", http.document()


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _part(match: re.Match[str]) -> str:
    name, *arguments = match["words"].split()
    return f"<!-- generated: {match['words']} -->\n{MAKERS[name](*arguments).strip()}\n<!-- /generated -->"
