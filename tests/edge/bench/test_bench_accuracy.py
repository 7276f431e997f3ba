"""Right answers through the loop: on pictures whose answer is known beforehand."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.bench.accuracy import measure_accuracy
from edge.bench.measure import bench_config
from edge.bench.pictures import read_pictures
from edge.bench.scenes import make_scene
from edge.build import build_parts
from edge.classify import Classifier
from edge.config import Config
from edge.errors import SourceError
from edge.model.labels import FER2013, FERPLUS
from edge.model.package import model_path, open_model
from edge.model.preprocess import crop_face, resize_face
from edge.pipeline import Parts
from edge.sources import demo
from edge.sources.images import read_luma

CONFIG = bench_config(Config())


@pytest.fixture(scope="module")
def parts() -> Parts:
    return build_parts(CONFIG)


def write(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two smiles that are called so, one that is not, and a room with nobody in it."""
    pictures = make_scene("640x480-1").pictures
    write(tmp_path / "test/happy/1.png", pictures[0])
    write(tmp_path / "test/happy/2.png", pictures[1])
    write(tmp_path / "test/angry/3.png", pictures[2])
    write(tmp_path / "train/sad/4.png", make_scene("640x480-0").pictures[0])
    write(tmp_path / "test/bored/5.png", pictures[3])
    (tmp_path / "test/happy/notes.txt").write_text("no picture")
    return tmp_path


def test_answers_are_held_against_the_folders_names(parts: Parts, folder: Path) -> None:
    told: list[float] = []
    found = measure_accuracy(parts, CONFIG, folder, begin=lambda n: told.append(n) or told.append)
    assert (found.n, found.found) == (4, 3)
    assert found.accuracy == 0.5
    assert found.accuracy_of_found == pytest.approx(2 / 3, abs=1e-4)
    assert found.recalls == {"anger": 0.0, "happiness": 1.0, "sadness": 0.0}
    assert found.mean_recall == pytest.approx(1 / 3, abs=1e-4)
    assert found.stages["detect"].n == 4
    assert found.stages["classify"].n == 3
    assert told == [4, 1, 1, 1, 1]


def test_a_split_is_a_folder_above(parts: Parts, folder: Path) -> None:
    assert measure_accuracy(parts, CONFIG, folder, "train").n == 1


def test_crops_are_classified_as_they_are(parts: Parts, tmp_path: Path) -> None:
    model = open_model(model_path(CONFIG.classify.model))
    crop = crop_face(read_luma(demo.PORTRAIT), demo.FACE, model.manifest.crop)[..., 0]
    said = model.labels[int(Classifier(model).classify_crop(resize_face(crop, len(crop))).argmax())]
    write(tmp_path / said / "face.png", crop)
    found = measure_accuracy(parts, CONFIG, tmp_path, whole=True)
    assert (found.n, found.found, found.accuracy, found.whole) == (1, 1, 1.0, True)


def arrays(path: Path, **changes: np.ndarray) -> Path:
    given = {
        "pixels": np.zeros((3, 48, 48), np.uint8),
        "emotion": np.array([3, 0, 6]),
        "usage": np.array(["PublicTest", "PublicTest", "Training"]),
        "votes": np.zeros((3, 10), np.uint8),
    }
    given["votes"][0, FERPLUS.index("surprise")] = 9
    given["votes"][1, 8] = 9  # nobody can tell
    np.savez(path, **{key: value for key, value in (given | changes).items() if value is not None})
    return path


def test_an_npz_file_is_judged_by_its_own_labels_or_by_votes(tmp_path: Path) -> None:
    path = arrays(tmp_path / "fer.npz")
    seven = read_pictures(path, "PublicTest", FER2013)
    assert ([picture.truth for picture in seven.pictures], seven.cropped) == (["happiness", "anger"], True)
    eight = read_pictures(path, "PublicTest", FERPLUS)
    assert [picture.truth for picture in eight.pictures] == ["surprise"]
    assert "more than half" in eight.rule
    assert "votes" not in seven.rule


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"emotion": None}, "array 'emotion' is missing"),
        ({"usage": np.array(["Training"])}, "array 'usage' is missing or has another length"),
        ({"usage": np.array(["a", "b", "c"])}, "--split 'PublicTest': must be one of a, b, c"),
        ({"pixels": np.zeros((3, 48, 48), np.float32)}, r"pixels: float32\(3, 48, 48\): must be uint8"),
        ({"emotion": np.array([7, 0, 0])}, "emotion: must be 0 to 6"),
    ],
)
def test_an_npz_file_that_is_something_else_is_one_line(tmp_path: Path, changes: dict, reason: str) -> None:
    path = arrays(tmp_path / "fer.npz", **changes)
    with pytest.raises(SourceError, match=reason) as raised:
        read_pictures(path, "PublicTest", FER2013)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("none", "no such file or folder"),
        ("empty", "not one picture whose label the model knows"),
        ("notes.txt", "neither a folder with one folder a class nor an npz file"),
        ("bad.npz", "no npz file that can be read"),
    ],
)
def test_data_that_are_none_are_one_line(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "bad.npz").write_text("hello")
    with pytest.raises(SourceError, match=f"{name}: {reason}"):
        read_pictures(tmp_path / name, "", FER2013)
