"""The commands around detectors, as they are typed."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from faces import photo, write_set

from edge.errors import ConfigError, MienError, ModelError, SourceError
from training.cli import cli
from training.detector.opening import open_detector
from training.detector.validation import read_list, read_peopled, validation_names


def say(*words: str) -> str:
    """What a command prints; its errors are raised as they are."""
    result = CliRunner().invoke(cli, list(words), catch_exceptions=False, standalone_mode=False)
    return result.output


def test_json_is_one_line_a_detector_with_every_figure(tmp_path: Path) -> None:
    spots = [(60, 50, 20)]
    write_set(tmp_path / "set", {"a.png": (photo(200, 120, spots), spots), "b.png": (photo(200, 120, []), [])})
    (line,) = say("evaluate-detector", "haar", "--data", str(tmp_path / "set"), "--json").splitlines()
    found = json.loads(line)
    assert found["images"] == 2
    assert found["faces"] == 1
    assert {"ap", "recall_at_0p1_fp_per_image", "recall_by_size"} <= found.keys()


def test_people_are_told_the_same_in_words(tmp_path: Path) -> None:
    write_set(tmp_path / "set", {"b.png": (photo(200, 120, []), [])})
    text = say("evaluate-detector", "haar", "--data", str(tmp_path / "set"))
    assert "haar: 1 images, 0 faces" in text
    assert "AP 0.0000" in text


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (
            ["evaluate-detector", "nonsense", "--data", "{}"],
            ConfigError,
            "nonsense: no detector: luma, haar, yunet",
        ),
        (["evaluate-detector", "haar", "--data", "{}/gone"], SourceError, r"boxes\.csv: cannot be read"),
        (["evaluate-detector", "{}/gone.tflite", "--data", "{}"], ModelError, r"gone\.tflite: cannot be read"),
        (["evaluate-detector", "{}/gone.keras", "--data", "{}"], ModelError, r"gone\.keras: no such model file"),
        (["evaluate-detector", "{}/text.tflite", "--data", "{}"], ModelError, r"text\.tflite: no model that"),
        (["evaluate-detector", "{}/text.keras", "--data", "{}"], ModelError, r"text\.keras: no Keras model"),
        (["measure-crop", "haar", "--data", "{}/gone.npz"], SourceError, "no such file"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    tmp_path: Path, words: list[str], error: type[MienError], message: str
) -> None:
    for name in ("text.tflite", "text.keras"):
        (tmp_path / name).write_text("no model")
    with pytest.raises(error, match=message) as caught:
        say(*(word.replace("{}", str(tmp_path)) for word in words))
    assert "\n" not in str(caught.value)


def test_only_listed_photos_are_measured_where_validation_is_asked_for(tmp_path: Path) -> None:
    name = next(name for name in sorted(read_list()) if name.startswith("mask853/")).split("/")[1]
    blank = photo(200, 120, [])
    write_set(tmp_path / "mask853", {f"{name}.png": (blank, []), "other.png": (blank, [])})
    (tmp_path / "mask853" / f"{name}.png").rename(tmp_path / "mask853" / name)
    text = say("evaluate-detector", "haar", "--data", str(tmp_path / "mask853"), "--validation")
    assert "haar: 1 images" in text
    write_set(tmp_path / "others", {"other.png": (blank, [])})
    with pytest.raises(SourceError, match="none of its photos is on the validation list"):
        say("evaluate-detector", "haar", "--data", str(tmp_path / "others"), "--validation")


def test_listed_scenes_that_show_people_are_not_measured(tmp_path: Path) -> None:
    folder = tmp_path / "imagenet1000_neg"
    shown = next(name for name in sorted(read_list() & read_peopled()) if name.startswith(folder.name))
    empty = next(name for name in sorted(validation_names()) if name.startswith(folder.name))
    write_set(folder, {"blank.png": (photo(200, 120, []), [])})
    for name in (shown, empty):
        shutil.copy(folder / "blank.png", tmp_path / name)
    text = say("evaluate-detector", "haar", "--data", str(folder), "--validation")
    assert "haar: 1 images" in text
    assert "haar: 3 images" in say("evaluate-detector", "haar", "--data", str(folder))


def test_yunet_by_name_needs_its_file_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIEN_YUNET", raising=False)
    with pytest.raises(ConfigError, match="yunet: set MIEN_YUNET"):
        open_detector("yunet", width_px=320, min_score=0.5)
