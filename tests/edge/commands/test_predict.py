"""`mien predict`: faces in pixels of the picture, every picture accounted for, originals never touched."""

from __future__ import annotations

import json
from pathlib import Path

import click
import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from edge.cli import cli
from edge.config import SourceConfig
from edge.errors import ModelError, SinkError, SourceError
from edge.messages import Box
from edge.model.labels import FER2013, FERPLUS
from edge.sources import demo

FACE_FRAME = 40  # of the demo: the face stands still


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    return demo.Scene(SourceConfig()).render(FACE_FRAME)


@pytest.fixture
def folder(tmp_path: Path, scene: np.ndarray) -> Path:
    """Three pictures, the second of which is none."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    cv2.imwrite(str(pictures / "a.png"), scene)
    (pictures / "b.jpg").write_bytes(b"\xff\xd8 no picture")
    cv2.imwrite(str(pictures / "c.png"), np.full((240, 320), 127, np.uint8))
    return pictures


def predict(*arguments: object) -> Result:
    result = CliRunner().invoke(cli, ["predict", *map(str, arguments)], standalone_mode=False)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def objects(result: Result) -> list[dict]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_face_is_found_where_it_is_and_described(folder: Path) -> None:
    (found,) = objects(predict(folder / "a.png", "--jsonl"))
    assert found["image"] == str(folder / "a.png")
    (face,) = found["faces"]
    truth = demo.expected(FACE_FRAME)
    assert truth is not None
    assert truth.iou(Box(*face["box"])) > 0.5
    assert set(face["scores"]) == set(FERPLUS)
    assert sum(face["scores"].values()) == pytest.approx(1, abs=0.01)
    assert face["scores"][face["emotion"]] == max(face["scores"].values())
    assert 0 <= face["score"] <= 1


@pytest.mark.parametrize(
    ("person", "true_face", "emotion"),
    [
        pytest.param("astronaut", Box(176, 60, 270, 176), "happiness", id="Eileen Collins, NASA"),
        pytest.param("hopper", Box(172, 98, 358, 336), "neutral", id="Grace Hopper, US Navy"),
    ],
)
@pytest.mark.parametrize("model", ["emotion", "emotion-fer2013"])
def test_a_portrait_has_one_face_in_the_right_place(
    tmp_path: Path, person: str, true_face: Box, emotion: str, model: str
) -> None:
    if person == "astronaut":
        data = pytest.importorskip("skimage.data")
        picture = tmp_path / "astronaut.png"
        cv2.imwrite(str(picture), np.ascontiguousarray(data.astronaut()[:, :, ::-1]))
    else:
        matplotlib = pytest.importorskip("matplotlib")
        picture = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    (face,) = objects(predict(picture, "--model", model))[0]["faces"]
    assert true_face.iou(Box(*face["box"])) > 0.7
    assert face["emotion"] == emotion


def test_another_bundled_model_has_its_own_labels(folder: Path) -> None:
    (face,) = objects(predict(folder / "a.png", "--model", "emotion-fer2013"))[0]["faces"]
    assert set(face["scores"]) == set(FER2013)
    assert face["emotion"] == demo.EMOTION


def test_boxes_are_in_pixels_of_the_picture_at_any_size(tmp_path: Path, scene: np.ndarray) -> None:
    boxes = []
    for scale in (1, 2):
        path = tmp_path / f"{scale}.png"
        cv2.imwrite(str(path), cv2.resize(scene, None, fx=scale, fy=scale))
        boxes.append(objects(predict(path))[0]["faces"][0]["box"])
    assert Box(*(2 * value for value in boxes[0])).iou(Box(*boxes[1])) > 0.8


def test_a_folders_bad_picture_is_reported_and_the_others_are_classified(folder: Path) -> None:
    result = predict(folder, "--jsonl")
    assert [Path(found["image"]).name for found in objects(result)] == ["a.png", "c.png"]
    assert objects(result)[1]["faces"] == []
    assert result.return_value == 1
    assert result.stderr.startswith("mien: ")
    assert "b.jpg" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_clips_frames_are_told_one_by_one(tmp_path: Path, scene: np.ndarray) -> None:
    clip = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 10, (640, 480), isColor=False)
    for _ in range(3):
        writer.write(scene)
    writer.release()
    found = objects(predict(clip))
    assert [(each["frame"], round(each["time_s"], 2)) for each in found] == [(0, 0.0), (1, 0.1), (2, 0.2)]
    assert all(len(each["faces"]) == 1 for each in found)


def test_a_whole_picture_can_be_one_face(tmp_path: Path) -> None:
    path = tmp_path / "crop.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (48, 48), np.uint8))
    (face,) = objects(predict(path, "--whole"))[0]["faces"]
    assert face["box"] == [0, 0, 48, 48]


def test_flip_is_the_mean_of_a_face_and_its_mirror_image(tmp_path: Path) -> None:
    crop = np.random.default_rng(1).integers(0, 255, (48, 48), np.uint8)
    scores = []
    for name, picture in (("a", crop), ("b", crop[:, ::-1])):
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture)
        plain = objects(predict(tmp_path / f"{name}.png", "--whole"))[0]["faces"][0]["scores"]
        scores.append(np.array(list(plain.values())))
    flipped = objects(predict(tmp_path / "a.png", "--whole", "--flip"))[0]["faces"][0]["scores"]
    assert list(flipped.values()) == pytest.approx(((scores[0] + scores[1]) / 2).tolist(), abs=2e-4)


def test_annotated_copies_are_written_and_the_originals_stay(folder: Path, tmp_path: Path) -> None:
    before = (folder / "a.png").read_bytes()
    predict(folder / "a.png", folder / "a.png", "--draw", tmp_path / "out")
    assert (folder / "a.png").read_bytes() == before
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a-2.png", "a.png"]
    copy = cv2.imread(str(tmp_path / "out" / "a.png"))
    assert copy.shape == (480, 640, 3)
    assert (copy.max(axis=2) != copy.min(axis=2)).any(), "a grey picture shows a coloured box"


def test_the_folder_of_the_originals_is_refused_for_copies(folder: Path) -> None:
    with pytest.raises(SinkError, match="holds the originals"):
        predict(folder / "a.png", "--draw", folder)


def test_an_empty_folder_and_an_unknown_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no pictures in this folder"):
        predict(tmp_path)
    with pytest.raises(ModelError, match="emotion-of-stones: no bundled model"):
        predict(tmp_path, "--model", "emotion-of-stones")


def test_without_a_path_nothing_is_done() -> None:
    with pytest.raises(click.UsageError, match="paths"):
        predict()
