"""Tests in the emulated Raspberry Pi say what they miss, and skip."""

from __future__ import annotations

import pytest
from emulated import lacking, lacking_to_count


@pytest.fixture(params=["bookworm", "trixie"])
def suite(request: pytest.FixtureRequest) -> str:
    """A Debian release whose root stands; the test is run for each."""
    name: str = request.param
    if reason := lacking(name):
        pytest.skip(reason)
    return name


@pytest.fixture
def counter() -> None:
    """For tests that count instructions."""
    if reason := lacking_to_count():
        pytest.skip(reason)
