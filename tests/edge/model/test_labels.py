from __future__ import annotations

import pytest

from edge.errors import ModelError
from edge.model.labels import ALIASES, FER2013, FERPLUS, UNCERTAIN, canonical, check_labels


def test_the_orders_are_those_of_the_data_sets() -> None:
    assert FERPLUS == (
        "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt",
    )  # fmt: skip
    assert FER2013 == ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
    assert set(FER2013) | {"contempt"} == set(FERPLUS)
    assert UNCERTAIN not in FERPLUS


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("Happy", "happiness"), (" AN ", "anger"), ("fear", "fear"), ("Sad", "sadness"), ("Ne", "neutral")],
)
def test_other_names_become_ours(theirs: str, ours: str) -> None:
    assert canonical(theirs) == ours


@pytest.mark.parametrize("word", ["", "uncertain", "hungry", "happi"])
def test_a_word_that_names_no_emotion_has_no_canonical_form(word: str) -> None:
    assert canonical(word) is None


def test_every_alias_leads_to_a_label_and_is_none_itself() -> None:
    assert set(ALIASES.values()) <= set(FERPLUS)
    assert not set(ALIASES) & set(FERPLUS)


def test_labels_that_fit_pass() -> None:
    check_labels(FER2013, 7, "here")
    check_labels(FERPLUS, 8, "here")


@pytest.mark.parametrize(
    ("labels", "outputs", "message"),
    [
        (FER2013, 8, "here: 7 labels for 8 outputs: there must be one for each"),
        ((), 1, "here: 0 labels for 1 outputs: there must be one for each"),
        (("fear", "fear"), 2, "here: a label stands twice: fear, fear"),
        (("fear", "angry"), 2, f"here: label 'angry' is none of {', '.join(FERPLUS)}"),
    ],
)
def test_labels_that_do_not_fit_are_one_line(labels: tuple[str, ...], outputs: int, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        check_labels(labels, outputs, "here")
    assert str(caught.value) == message
