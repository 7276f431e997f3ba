"""The documentation as a site: built by the documented command, a warning is a fault, nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from clone import Clone
from shell import ROOT

LOADED = re.compile(
    r"<(?:script|img|iframe|source|audio|video|embed)\b[^>]*?\bsrc=\"(?P<src>[^\"]*)\""
    r"|<link\b(?=[^>]*\brel=\"(?:stylesheet|preload|preconnect|icon|shortcut icon)\")"
    r"[^>]*?\bhref=\"(?P<href>[^\"]*)\""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    clone = Clone(tmp_path_factory.mktemp("site"))
    built = clone.run("./setup.sh docs")
    assert (built.returncode, built.stderr) == (0, ""), built.stderr
    return clone.root / "build/docs"


def test_every_document_has_a_page(site: Path) -> None:
    documents = {path.relative_to(ROOT / "docs").with_suffix("") for path in (ROOT / "docs").glob("**/*.md")}
    pages = {path.relative_to(site).with_suffix("") for path in site.glob("**/*.html")}
    assert documents <= pages


def test_every_page_is_in_the_menu(site: Path) -> None:
    menu = (site / "index.html").read_text()
    for path in (ROOT / "docs").glob("**/*.md"):
        page = path.relative_to(ROOT / "docs").with_suffix(".html")
        if page.name != "index.html":
            assert f'href="{page}"' in menu, page


def test_links_lead_to_pages_and_places_that_are_there(site: Path) -> None:
    texts = {page.resolve(): page.read_text() for page in site.glob("**/*.html")}
    places = {page: set(re.findall(r'\bid="([^"]*)"', text)) for page, text in texts.items()}
    broken = []
    for page, text in texts.items():
        for target in re.findall(r'href="([^":]*)"', text):
            path, _, place = re.sub(r"\?v=\w+$", "", target).partition("#")
            aim = (page.parent / path).resolve() if path else page
            if not aim.exists() or (place and aim in places and place not in places[aim]):
                broken.append(f"{page.name}: {target}")
    assert broken == []


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    loaded = [
        match["src"] or match["href"]
        for page in site.glob("**/*.html")
        for match in LOADED.finditer(page.read_text())
    ]
    assert len(loaded) > 100
    assert [address for address in loaded if re.match(r"(\w+:)?//", address)] == []
    for style in site.glob("_static/**/*.css"):
        assert not re.search(r"url\(\s*['\"]?(https?:)?//|@import\s+['\"]?http", style.read_text()), style


def test_no_page_tells_of_the_machine_that_built_it(site: Path) -> None:
    for page in site.glob("**/*.html"):
        assert str(ROOT) not in page.read_text()
