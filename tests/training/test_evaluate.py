"""The same measurement for float and int8, with and without duplicates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.errors import ModelError, SourceError
from edge.model.labels import FER2013, FERPLUS
from training.calibration import calibration_rows
from training.dataset import Faces
from training.evaluate import as_text, evaluate
from training.predictor import Predictor, as_scores, open_predictor
from training.splits import split


def bar_reader(labels: tuple[str, ...]) -> Predictor:
    """Reads the bar of the drawn faces, so it is always right."""

    def scores(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        heights = np.stack([pixels[:, 4 + 6 * n : 8 + 6 * n, 8:40].mean(axis=(1, 2)) for n in range(7)], axis=1)
        found = np.full((len(pixels), len(labels)), 0.01, np.float32)
        for row, emotion in enumerate(heights.argmax(axis=1)):
            found[row, labels.index(FER2013[emotion])] = 1
        return np.asarray(found / found.sum(axis=1, keepdims=True), np.float32)

    return Predictor(labels, scores)


def test_a_model_that_is_right_scores_1(faces: Faces) -> None:
    result = evaluate(bar_reader(FER2013), faces, "PublicTest")
    assert (result.all.n, result.all.accuracy, result.labels) == (28, 1.0, "fer2013")
    assert "N = 28" in as_text(result)


def test_the_eight_are_measured_by_the_taggers_majority_where_people_voted(faces: Faces) -> None:
    result = evaluate(bar_reader(FERPLUS), faces, "PublicTest")
    assert result.labels == "ferplus"
    assert "more than half" in result.rule
    assert result.all.accuracy == 1.0


def test_the_eight_can_be_measured_on_fer_labels(faces: Faces) -> None:
    assert evaluate(bar_reader(FERPLUS), faces, "PublicTest", "fer2013").all.accuracy == 1.0


def test_faces_without_a_majority_are_left_out_and_counted(faces: Faces) -> None:
    assert faces.votes is not None
    votes = faces.votes.copy()
    votes[-3:] = 1
    undecided = Faces(faces.pixels, faces.emotions, faces.labels, faces.splits, faces.names, votes)
    result = evaluate(bar_reader(FERPLUS), undecided, "PublicTest")
    assert result.all.n == 25
    assert result.left_out == {"without a label by the rule": 3}


def test_a_label_that_the_model_lacks_is_left_out_and_counted(faces: Faces) -> None:
    seven = Faces(faces.pixels, faces.emotions, (*faces.labels[:6], "contempt"), faces.splits, faces.names)
    result = evaluate(bar_reader(FER2013), seven, "PublicTest")
    assert result.all.n == 24
    assert result.left_out == {"with a label that the model lacks": 4}


def test_copies_of_training_faces_count_only_with_duplicates(faces: Faces) -> None:
    pixels = faces.pixels.copy()
    pixels[84] = pixels[0]
    pixels[86] = pixels[85]
    result = evaluate(
        bar_reader(FER2013), Faces(pixels, faces.emotions, faces.labels, faces.splits, faces.names), "PublicTest"
    )
    assert result.without_duplicates is not None
    assert (result.all.n, result.without_duplicates.n) == (28, 26)


def test_the_validation_tenth_can_be_measured_and_has_no_duplicates(faces: Faces) -> None:
    pixels = faces.pixels.copy()
    pixels[1:20:2] = pixels[0:20:2]
    copied = Faces(pixels, faces.emotions, faces.labels, faces.splits, faces.names)
    result = evaluate(bar_reader(FER2013), copied, "validation")
    assert result.without_duplicates is not None
    assert result.all.n == result.without_duplicates.n == len(split(copied).validation)


def test_a_split_that_does_not_exist_is_named_with_those_that_do(faces: Faces) -> None:
    with pytest.raises(SourceError, match=r"split PrivateTest: .*PublicTest, Training, validation"):
        evaluate(bar_reader(FER2013), faces, "PrivateTest")


def test_votes_are_asked_for_where_there_are_none(faces: Faces) -> None:
    plain = Faces(faces.pixels, faces.emotions, faces.labels, faces.splits, faces.names)
    with pytest.raises(SourceError, match="the data hold no votes"):
        evaluate(bar_reader(FERPLUS), plain, "PublicTest", "ferplus")


def test_logits_become_scores_and_scores_stay() -> None:
    logits = np.array([[1.0, 2.0, 3.0]], np.float32)
    scores = as_scores(logits)
    assert scores.sum() == pytest.approx(1)
    assert np.allclose(as_scores(scores), scores)
    assert as_scores(np.array([[0.5, 0.49, 0.0]], np.float32)).sum() == pytest.approx(1)


def test_calibration_faces_train_and_cover_every_label(faces: Faces) -> None:
    rows = calibration_rows(faces, 35)
    trains = split(faces).training.rows
    assert set(rows) <= set(trains.tolist())
    assert rows == sorted(set(rows))
    assert set(np.bincount(faces.emotions[rows]).tolist()) == {5}
    assert rows == calibration_rows(faces, 35)


def test_more_calibration_faces_than_there_are_is_refused(faces: Faces) -> None:
    with pytest.raises(SourceError, match="the training split has"):
        calibration_rows(faces, 1000)


@pytest.mark.parametrize("name", ["none.keras", "none.tflite", "no-such-model"])
def test_a_missing_model_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match=name):
        open_predictor(str(tmp_path / name) if "." in name else name)


def test_float_and_flatbuffer_of_one_network_agree(faces: Faces, tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    tf = pytest.importorskip("tensorflow")
    from training.models import build_model, one_head
    from training.recipe import ModelConfig

    keras.utils.set_random_seed(3)
    model = one_head(build_model(ModelConfig(size="small"), {"fer2013": 7}), "fer2013")
    model.save(tmp_path / "model.keras")
    model.export(tmp_path / "saved", verbose=False)
    flatbuffer = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved")).convert()
    (tmp_path / "model.tflite").write_bytes(flatbuffer)
    one, other = (open_predictor(str(tmp_path / name)) for name in ("model.keras", "model.tflite"))
    assert one.labels == other.labels == FER2013
    assert np.allclose(one.scores(faces.pixels[:5]), other.scores(faces.pixels[:5]), atol=1e-4)


def test_a_file_that_is_no_keras_model_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    (tmp_path / "model.keras").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="no Keras model that can be read"):
        open_predictor(str(tmp_path / "model.keras"))
