"""Tier 2: executed instructions per face and per frame stay what they were, and within what a Pi may spend."""

from __future__ import annotations

import json

import pytest
from count import DOCUMENT, FIGURES, STEPS, Figures, bundled, document
from emulated import PROCESSORS, count

pytestmark = pytest.mark.pi
TOLERANCE = 0.02
RENEW = "tests/pi/count.py --bundled renews instructions.json"

# What one invoke() may take on a Zero 2 W, a Pi 4 and a Pi 5: docs/PI.md says why.
FACE_DETECTOR = {"a53": 20e6, "a72": 14e6, "a76": 7e6}
EMOTION = {"a53": 14e6, "a72": 12e6, "a76": 5e6}
EMOTION_SMALL = {"a53": 4.5e6, "a72": 3.5e6, "a76": 1.5e6}
OVERHEAD = 0.15
"""What a step may add to its model's invoke(): crop or padding, decoding, suppression, and Python."""


def committed() -> Figures:
    figures: Figures = json.loads(FIGURES.read_text())
    return figures


def budget(model: str) -> dict[str, float]:
    if model.startswith("face"):
        return FACE_DETECTOR
    return EMOTION_SMALL if model.endswith("-small") else EMOTION


def test_every_bundled_model_and_step_has_its_figures() -> None:
    figures = committed()
    assert figures["models"].keys() == bundled().keys(), RENEW
    assert figures["steps"].keys() == set(STEPS), RENEW
    for kind in figures.values():
        assert all(counts.keys() == PROCESSORS.keys() for counts in kind.values())


def test_the_document_shows_the_committed_figures() -> None:
    text = DOCUMENT.read_text()
    assert document(text, committed()) == text, RENEW


@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("model", bundled())
def test_a_model_executes_what_it_did(model: str, processor: str, counter: None) -> None:
    found = count(processor, "invoke.py", str(bundled()[model]))
    assert found.instructions == pytest.approx(committed()["models"][model][processor], rel=TOLERANCE), RENEW
    assert found.spread < 0.002 * found.instructions
    # XNNPACK takes its SDOT kernels where the processor has them: a Pi 5 alone.
    assert (found.dot_products > 0) == (processor == "a76")


@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("step", STEPS)
def test_a_step_executes_what_it_did(step: str, processor: str, counter: None) -> None:
    found = count(processor, "steps.py", step)
    assert found.instructions == pytest.approx(committed()["steps"][step][processor], rel=TOLERANCE), RENEW


@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("model", bundled())
def test_a_model_stays_within_what_a_pi_may_spend(model: str, processor: str) -> None:
    assert committed()["models"][model][processor] <= budget(model)[processor]


@pytest.mark.parametrize("processor", PROCESSORS)
def test_classifying_a_face_costs_little_more_than_its_model(processor: str) -> None:
    from edge.model.package import DEFAULT_MODEL

    figures = committed()
    model, step = figures["models"][DEFAULT_MODEL][processor], figures["steps"]["classify"][processor]
    assert model < step < (1 + OVERHEAD) * model
