"""Experiments: what is changed is checked before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import ConfigError
from training.experiment import load_experiment, recipes_of
from training.recipe import EXPERIMENTS, load_recipe, recipe_path

ROW = '\n[[rows]]\nname = "first"\nsays = "as it is"\n'


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_row_of_a_bundled_experiment_is_a_recipe_of_its_own_and_trains_as_long(path: Path) -> None:
    experiment = load_experiment(path)
    recipes = recipes_of(experiment, path)
    assert list(recipes) == [row.name for row in experiment.rows]
    trained = [recipes[row.name] for row in experiment.rows if row.after is None]
    assert len(set(trained)) == len(trained)
    assert len({recipe.train.epochs for recipe in trained}) == 1
    assert {recipe.train.epochs for recipe in recipes_of(experiment, path, epochs=3).values()} == {3}


def test_a_row_differs_from_its_base_in_what_it_says_alone(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'base = "emotion-small"\ncommon = { train = { epochs = 2 } }\n'
        + ROW
        + '[[rows]]\nname = "mixed"\nsays = "mixup"\nchange = { augment = { mixup = 0.3 } }\n'
    )
    base, found = load_recipe(recipe_path("emotion-small")), recipes_of(load_experiment(path), path)
    assert (found["mixed"].name, found["mixed"].augment.mixup) == ("mine-mixed", 0.3)
    assert found["mixed"].augment.erase == base.augment.erase == found["first"].augment.erase
    assert found["first"].train.batch_size == base.train.batch_size
    assert found["first"].train.epochs == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ROW, "base"),
        ('base = "emotion-small"\nrows = []', "rows"),
        ('base = "emotion-small"\n' + ROW + ROW, "rows: first: stands there twice"),
        ('base = "emotion-small"\n' + ROW + "chang = {}", "chang"),
        ('base = "emotion-small"\n' + ROW + 'after = "none"', "rows: first: after must name a row above"),
        ('base = "emotion-small"\n' + ROW + "tune_epochs = 1", "rows: first: tune_epochs needs after"),
        ('base = "emotion-small"\n' + ROW + "change = { train = { epoch = 1 } }", "rows: first: .*epoch"),
        ('base = "emotion-small"\n' + ROW + "change = { train = 1 }", "rows: first: train"),
    ],
)
def test_a_mistake_is_named_with_file_and_row(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=f"mine.toml: .*{message}"):
        recipes_of(load_experiment(path), path)
