"""Where an installation says that its page is."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy import settings, token
from deploy.install import Wishes
from deploy.machine import Machine


@pytest.mark.parametrize(
    ("wishes", "line"),
    [
        (Wishes(), "the page, for this machine alone: http://localhost:8321/"),
        (Wishes(changes=("web.port=9000",)), "the page, for this machine alone: http://localhost:9000/"),
        (Wishes(changes=("web.enabled=false",)), ""),
        (Wishes(lan=True), "the page, for the local network: http://hall.local:8321/#secret"),
        (
            Wishes(changes=("web.bind=0.0.0.0", "web.port=80")),
            "the page, for the local network: http://hall.local:80/#secret",
        ),
    ],
)
def test_the_address_is_the_one_of_the_settings(tmp_path: Path, wishes: Wishes, line: str) -> None:
    machine = Machine(tmp_path)
    machine.write(settings.FILE, settings.compose(wishes, "demo"))
    assert token.page(machine, "hall", "secret") == line


def test_a_token_that_was_made_elsewhere_is_not_made_up() -> None:
    assert token.address("hall", "") == "http://hall.local:8321/ (the token is the one you have)"


def test_the_last_port_counts() -> None:
    assert settings.port_of(("web.port=1", "source.fps=3", "web.port=2"), 8321) == 2
    assert settings.port_of(("web.port=none",), 8321) == 8321
