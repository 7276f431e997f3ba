"""The LED follows what is seen, on gpiozero's own mock pins."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from edge.messages import Person, Phase, State
from edge.sources import demo

pytest.importorskip("gpiozero")
from api_client import Mien
from gpiozero import LED
from gpiozero.pins.mock import MockFactory
from led import follow

PIN = 17
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def lamp() -> Iterator[LED]:
    factory = MockFactory()
    with LED(PIN, pin_factory=factory) as led:
        yield led
    factory.close()


def state(*emotions: str | None, phase: Phase = Phase.RUNNING) -> dict[str, Any]:
    """A state event as a listener gets it."""
    people = tuple(Person("a1b2c3", (0, 0, 9, 9), emotion, 0.9) for emotion in emotions)
    event = State(time=NOON, time_s=1.0, camera="camera", frame=1, phase=phase, frames_per_s=15.0, people=people)
    found: dict[str, Any] = msgspec.to_builtins(event, str_keys=True)
    return found


@pytest.mark.parametrize(
    ("events", "lit"),
    [
        ([], False),
        ([state("happiness")], True),
        ([state("sadness", "happiness")], True),
        ([state("sadness"), state(None)], False),
        ([state("happiness"), state()], False),
        ([state("happiness"), state(phase=Phase.PRIVATE)], False),
        ([state("happiness"), {"type": "face_left", "emotion": "happiness"}], True),
    ],
)
def test_it_is_lit_while_anybody_in_view_looks_so(lamp: LED, events: list[dict[str, Any]], *, lit: bool) -> None:
    follow(events, lamp, "happiness")
    assert lamp.is_lit is lit
    assert bool(lamp.pin.state) is lit


def test_with_a_real_service_it_is_lit_by_the_demos_smile(address: str, lamp: LED) -> None:
    for event in Mien(address).events():
        follow([event], lamp, demo.EMOTION)
        if lamp.is_lit:
            return
