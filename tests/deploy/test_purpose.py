"""The purpose is asked for, and the law decides on two of them."""

from __future__ import annotations

import pytest

from deploy import purpose
from deploy.machine import Refusal


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)


@pytest.mark.parametrize(
    ("name", "exception", "kept", "text"),
    [
        ("home", None, None, "purpose = home\n"),
        ("research", None, "purpose = home\n", "purpose = research\n"),
        ("workplace", "safety", None, "purpose = workplace\nlegal exception = safety\n"),
        ("education", "medical", None, "purpose = education\nlegal exception = medical\n"),
        (None, None, "purpose = art\n", "purpose = art\n"),
    ],
)
def test_what_is_written_down(name: str | None, exception: str | None, kept: str | None, text: str) -> None:
    assert purpose.settle(name, exception, kept) == text


@pytest.mark.parametrize(
    ("name", "exception", "line"),
    [
        (None, None, "--purpose is missing: one of home, art,"),
        ("work", None, "--purpose work: must be one of home, art,"),
        ("workplace", None, "EU AI Act, Art. 5(1)(f)"),
        ("education", None, "EU AI Act, Art. 5(1)(f)"),
        ("workplace", "because", "--legal-exception because: must be one of medical, safety"),
    ],
)
def test_what_is_refused(name: str | None, exception: str | None, line: str) -> None:
    with pytest.raises(Refusal) as refused:
        purpose.settle(name, exception, None)
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


def test_at_a_terminal_it_asks_until_it_understands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter(["", "fun", "Workplace ", "no"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    with pytest.raises(Refusal, match="not installed: workplace"):
        purpose.settle(None, None, None)
    told = capsys.readouterr().out
    assert "Art. 5(1)(f)" in told
    assert "Art. 50(3)" in told
    assert next(answers, "all asked") == "all asked"
