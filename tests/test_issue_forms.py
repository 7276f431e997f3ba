"""The forms under Issues: whole, and asking for commands that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from edge.cli import cli

yaml = pytest.importorskip("yaml")
FOLDER = Path(__file__).resolve().parent.parent / ".github/ISSUE_TEMPLATE"
FORMS = sorted(path for path in FOLDER.glob("*.yml") if path.name != "config.yml")
INPUTS = {"input", "textarea", "dropdown", "checkboxes"}


@pytest.fixture(params=FORMS, ids=lambda path: path.stem)
def form(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(request.param.read_text())
    return found


def test_there_is_one_for_bugs_models_and_boards() -> None:
    assert [path.stem for path in FORMS] == ["board", "bug", "model"]


def test_it_has_what_a_form_needs(form: dict[str, Any]) -> None:
    assert {"name", "description", "body"} <= set(form) <= {"name", "description", "body", "labels", "title"}
    asked = [field for field in form["body"] if field["type"] != "markdown"]
    assert {field["type"] for field in asked} <= INPUTS
    assert len({field["id"] for field in asked}) == len(asked)
    assert all(field["attributes"]["label"] for field in asked)
    assert any(field.get("validations", {}).get("required") for field in asked)


def test_it_asks_for_commands_that_there_are(form: dict[str, Any]) -> None:
    words = " ".join(str(field["attributes"]) for field in form["body"])
    for command in re.findall(r"`mien ([a-z]+)", words):
        assert command in cli.list_commands(None)  # type: ignore[arg-type, attr-defined]
