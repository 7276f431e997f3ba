"""A detector's recipe that cannot be taken says why in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from edge.errors import ConfigError
from training.detector.recipe import fingerprint, load_detector_recipe

NETWORK = 'name = "mine"\n[network]\ntrunk = [["k8"], ["r8"], ["k8"]]\nneck = [8, 8, 8]\nhead = false\n'


def test_a_recipe_of_ones_own_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(NETWORK + "[train]\nepochs = 3\n")
    recipe, path = load_detector_recipe(str(file))
    assert (recipe.name, recipe.train.epochs, path) == ("mine", 3, file)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (NETWORK + "[train]\nepoch = 3\n", "train: Object contains unknown field"),
        (NETWORK + '[train]\nepochs = "3"\n', "train.epochs: Expected `int`"),
        ("name = ", "no TOML"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_bad_one_is_named_with_key_and_rule(tmp_path: Path, text: str | None, rule: str) -> None:
    file = tmp_path / "mine.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError) as told:
        load_detector_recipe(str(file))
    assert str(file) in str(told.value)
    assert rule.replace("`", "") in str(told.value)
    assert "\n" not in str(told.value)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="face-tuned"):
        load_detector_recipe("facee")


def test_what_is_raised_in_the_end_may_change_and_the_run_go_on() -> None:
    recipe, _ = load_detector_recipe("face-tuned")
    train = recipe.train
    other = structs.replace(recipe, train=structs.replace(train, raised=(0.0, 0.0, 0.5)))
    assert fingerprint(other) == fingerprint(recipe)
    longer = structs.replace(recipe, train=structs.replace(train, epochs=train.epochs + 1))
    assert fingerprint(longer) != fingerprint(recipe)
