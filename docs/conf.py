# ruff: noqa: INP001  (Sphinx reads this file; nothing imports it)
"""How Sphinx makes a site of these documents: `./setup.sh docs`. Nothing in it is loaded from elsewhere."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "Mien"
author = "the Mien project"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns = ["generate/**"]
highlight_language = "none"
html_theme = "furo"
html_title = "Mien"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["events.schema.json"]
html_copy_source = False
html_show_copyright = False
smartquotes = False  # settings are quoted in straight ones
html_show_sphinx = False
myst_heading_anchors = 4

PAGES = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md"}
"""Documents outside this folder that have a page of their own here, which includes them."""
LINK = re.compile(r"\[(?P<words>[^\]]*)\]\((?P<target>[^):#]+)(?P<anchor>#[^)]*)?\)")
DOCS = Path(__file__).resolve().parent


def stay_inside(text: str, folder: Path, page: str) -> str:
    """The site holds no code: a link from a document in `folder` to what is no page becomes the file's name.

    page: the site's page, without its ending, on which the text will stand.
    """

    def replaced(match: re.Match[str]) -> str:
        path = (folder / match["target"]).resolve()
        if str(path) == str(DOCS.parent / path.name) and path.name in PAGES and (DOCS / PAGES[path.name]).exists():
            path = DOCS / PAGES[path.name]
        if DOCS not in path.parents:
            return f"`{os.path.relpath(path, DOCS.parent)}`"
        return f"[{match['words']}]({os.path.relpath(path, (DOCS / page).parent)}{match['anchor'] or ''})"

    return LINK.sub(replaced, text)


def read_page(_app: Sphinx, page: str, source: list[str]) -> None:
    source[0] = stay_inside(source[0], (DOCS / page).parent, page)


def read_included(_app: Sphinx, path: Path, page: str, content: list[str]) -> None:
    content[0] = stay_inside(content[0], (DOCS / path).parent, page)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", read_page)
    app.connect("include-read", read_included)
    return {"parallel_read_safe": True}
