"""Recipes: every bundled one holds, and every mistake is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import ConfigError
from training.recipe import RECIPES, as_toml, changed, load_recipe, parse_recipe, recipe_path


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_a_bundled_recipe_is_valid_and_named_as_its_file(path: Path) -> None:
    assert load_recipe(path).name == path.stem


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_a_recipe_written_as_toml_is_read_as_itself(path: Path) -> None:
    recipe = load_recipe(path)
    assert parse_recipe(as_toml(recipe), "again.toml") == recipe


def test_a_changed_recipe_keeps_the_rest_and_is_checked() -> None:
    recipe = parse_recipe('name = "x"\n[train]\nepochs = 3\nseed = 7', "x.toml")
    found = changed(recipe, {"train": {"epochs": 5}, "description": 'says "so"'}, "row")
    assert (found.train.epochs, found.train.seed, found.description) == (5, 7, 'says "so"')
    assert parse_recipe(as_toml(found), "x.toml") == found
    with pytest.raises(ConfigError, match=r"row: train\.epochs"):
        changed(recipe, {"train": {"epochs": 0}}, "row")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "name"),
        ('name = "Bad Name"', "name"),
        ('name = "x"\n[train]\nepochs = 0', "train.epochs"),
        ('name = "x"\n[train]\nlearning_rate = "fast"', "train.learning_rate"),
        ('name = "x"\n[augment]\nflip = 1.5', "augment.flip"),
        ('name = "x"\n[model]\nfamily = "huge"', "model.family"),
        ('name = "x"\n[train]\nepoch = 3', "epoch"),
        ('name = "x"\n[train', "no TOML"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"mine.toml: .*{message}"):
        parse_recipe(text, "mine.toml")


def test_an_unknown_name_lists_the_bundled_recipes() -> None:
    with pytest.raises(ConfigError, match="emotion-fer2013"):
        recipe_path("emotoin")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_recipe(tmp_path / "none.toml")
