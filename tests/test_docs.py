"""What the documents say: links lead somewhere, settings exist, examples are whole, generated parts are current.

Their commands are run in tests/docs/test_commands.py, the site is built in tests/docs/test_site.py.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from docs.generate.files import FILE_LINES, FUNCTION_LINES, files, functions
from edge.config import parse_config
from edge.model.package import bundled_models

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted(
    path for part in ("*.md", "docs/**/*.md", "edge/**/*.md", "examples/**/*.md") for path in ROOT.glob(part)
)

CARD = [
    "Model details",
    "Intended use",
    "Factors",
    "Metrics",
    "Evaluation data",
    "Training data",
    "Quantitative analyses",
    "Ethical considerations",
    "Caveats and recommendations",
]
"""Mitchell et al. 2019, Model Cards for Model Reporting, figure 1."""


def blocks(language: str) -> list[str]:
    """Every fenced block of a language, in all documents."""
    return [
        block
        for document in DOCUMENTS
        for block in re.findall(rf"^```{language}\n(.*?)^ *```$", document.read_text(), re.MULTILINE | re.DOTALL)
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_that_are_there(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text())
    missing = [target for target in targets if not (document.parent / target).exists()]
    assert missing == []


def test_the_readme_shows_the_two_commands_first() -> None:
    shown = re.findall(r"^\./setup\.sh \w+", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert shown[:2] == ["./setup.sh run", "./setup.sh test"]


def test_help_in_setup_names_the_commands_of_the_documents() -> None:
    shown = subprocess.run([ROOT / "setup.sh"], capture_output=True, text=True, check=True).stdout
    commands = {command for block in blocks("sh") for command in re.findall(r"\./setup\.sh (\w+)", block)}
    assert commands >= {"run", "test", "install", "train", "docs"}
    for command in commands:
        assert f"./setup.sh {command}" in shown


def test_json_examples_are_json() -> None:
    for block in blocks("json"):
        for line in block.splitlines():
            json.loads(line)


def test_toml_examples_are_settings() -> None:
    for block in blocks("toml"):
        parse_config(tomllib.loads(block))


def test_python_and_yaml_examples_can_be_read() -> None:
    for block in blocks("python"):
        ast.parse(block)
    for block in blocks("yaml"):
        assert yaml.safe_load(block)


def test_what_is_generated_is_what_the_code_and_the_models_say_now() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "docs.generate", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, f"{checked.stdout}{checked.stderr}run: python -m docs.generate"


def test_every_bundled_model_has_a_card_in_the_form_of_mitchell_2019() -> None:
    for name in bundled_models():
        card = (ROOT / f"docs/models/{name}.md").read_text()
        found = re.findall(r"^## (.*)$", card, re.MULTILINE)
        assert [part for part in found if part in CARD] == CARD, f"{name}: parts {found}"


def test_every_field_of_an_event_is_explained() -> None:
    text = (ROOT / "docs/EVENTS.md").read_text()
    schema = json.loads((ROOT / "docs/events.schema.json").read_text())
    fields = {field for record in schema["$defs"].values() for field in record.get("properties", {})}
    assert [field for field in sorted(fields) if f"`{field}`" not in text] == []


def test_what_is_too_long_to_fit_in_the_head_is_named_with_the_reason() -> None:
    text = (ROOT / "docs/ARCHITECTURE.md").read_text()
    for lengths, limit in ((files(), FILE_LINES), (functions(), FUNCTION_LINES)):
        long = [name for name, lines in sorted(lengths.items()) if lines > limit]
        assert [name for name in long if f"`{name}`" not in text] == [], "docs/ARCHITECTURE.md: why may it stay?"
