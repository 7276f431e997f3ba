"""The int8 file of a detector that nobody trained: any frame goes through, and other files are refused.

It stands here and not in tests/edge because TensorFlow makes the file.
"""

from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from converters.cli import cli as convert  # noqa: E402  (after the skips)
from edge.config import DetectConfig  # noqa: E402
from edge.detect.luma import Luma, load, load_bare  # noqa: E402
from edge.detect.scaling import MAX_FACES  # noqa: E402
from edge.errors import ModelError  # noqa: E402
from edge.model.package import BUNDLED, open_model  # noqa: E402
from training.detector.model import build_detector  # noqa: E402
from training.detector.recipe import Network  # noqa: E402


def to_int8(model: object, folder: Path, shape: tuple[int, ...]) -> bytes:
    signature = [keras.InputSpec(shape=shape, dtype="float32")]
    model.export(folder, format="tf_saved_model", verbose=False, input_signature=signature)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    samples = np.random.default_rng(1).random((4, *shape), np.float32)
    converter.representative_dataset = lambda: ([sample] for sample in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type, converter.inference_output_type = tf.uint8, tf.int8
    return converter.convert()


@pytest.fixture(scope="module")
def face_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(3)
    network = Network(trunk=(("k8", "d8"), ("k8",), ("r8",)), neck=(8, 8, 8), head=True)
    model = build_detector(network)
    for layer in model.layers:
        if layer.name.endswith("_out"):
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel * 3, bias * 0])
    folder = tmp_path_factory.mktemp("face")
    path = folder / "face.tflite"
    path.write_bytes(to_int8(model, folder / "saved", (1, 64, 64, 1)))
    return path


def make(path: Path, **settings: float) -> Luma:
    config = {"min_face_px": 8, "min_score": 0.5, **settings}
    return load_bare(DetectConfig(model=str(path), **config))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (33, 65), (64, 64), (240, 320), (3000, 40), (720, 1280)])
def test_any_frame_gives_bounded_finite_faces(face_file: Path, size: tuple[int, int]) -> None:
    luma = np.random.default_rng(2).integers(0, 256, size, np.uint8)
    faces = make(face_file).detect(luma)
    assert len(faces) <= MAX_FACES
    assert all(np.isfinite(face.box.area) and 0.5 <= face.score <= 1 for face in faces)
    assert [face.score for face in faces] == sorted((face.score for face in faces), reverse=True)


def test_views_give_what_copies_give_and_frames_of_other_sizes_leave_no_trace(face_file: Path) -> None:
    wide = np.random.default_rng(2).integers(0, 256, (100, 300), np.uint8)
    view = wide[::-1, 20:280:2]
    detector = make(face_file)
    expected = make(face_file).detect(view.copy())
    assert expected
    assert detector.detect(view) == expected
    detector.detect(np.full((130, 130), 255, np.uint8))
    assert detector.detect(view) == expected


def test_a_file_of_another_network_is_one_line(tmp_path: Path) -> None:
    other = keras.Sequential([keras.Input((64, 64, 1)), keras.layers.Conv2D(2, 3, 2)])
    path = tmp_path / "other.tflite"
    path.write_bytes(to_int8(other, tmp_path / "saved", (1, 64, 64, 1)))
    with pytest.raises(ModelError, match=r"other\.tflite: no face detector: its input and outputs are"):
        make(path)


def test_a_missing_file_and_a_cut_one_are_one_line(face_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.tflite: cannot be read"):
        make(tmp_path / "gone.tflite")
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(face_file.read_bytes()[:2000])
    with pytest.raises(ModelError, match=r"cut\.tflite: no model that"):
        make(cut)


@pytest.fixture(scope="module")
def packaged(face_file: Path) -> Path:
    path = face_file.with_name("packaged.tflite")
    facts = {"version": "1.0.0", "description": "finds noise", "licence": "MIT", "origin": "a test"}
    words = [word for name, value in facts.items() for word in (f"--{name}", value)]
    command = ["package", str(face_file), "--out", str(path), "--detector", "--name", "face", *words]
    convert(command, standalone_mode=False)
    return path


def test_a_packaged_detector_proves_itself_and_finds_what_the_bare_file_finds(
    face_file: Path, packaged: Path
) -> None:
    luma = np.random.default_rng(2).integers(0, 256, (240, 320), np.uint8)
    expected = make(face_file, min_score=0.6, min_face_px=24).detect(luma)
    assert expected
    assert load(DetectConfig(model=str(packaged))).detect(luma) == expected


def test_one_altered_byte_of_a_detector_is_told(packaged: Path, tmp_path: Path) -> None:
    content = bytearray(packaged.read_bytes())
    content[len(content) // 2] ^= 1
    altered = tmp_path / "altered.tflite"
    altered.write_bytes(content)
    with pytest.raises(ModelError, match=r"altered\.tflite: "):
        load(DetectConfig(model=str(altered)))


def test_a_detector_and_a_classifier_are_not_taken_for_each_other(packaged: Path, face_file: Path) -> None:
    with pytest.raises(ModelError, match="a face detector, no classifier"):
        open_model(packaged)
    with pytest.raises(ModelError, match="no face detector, but what sorts faces"):
        load(DetectConfig(model=str(BUNDLED / "emotion.tflite")))
    with pytest.raises(ModelError, match="not packaged"):
        load(DetectConfig(model=str(face_file)))


def test_a_frame_full_of_faces_ends_in_bounded_work(face_file: Path) -> None:
    luma = np.random.default_rng(2).integers(0, 256, (960, 960), np.uint8)
    faces = make(face_file, min_score=0.0, width_px=960).detect(luma)
    assert 0 < len(faces) <= MAX_FACES


@pytest.mark.parametrize("level", [0, 255])
def test_a_frame_of_one_grey_is_answered(face_file: Path, level: int) -> None:
    faces = make(face_file, min_score=0.5).detect(np.full((240, 320), level, np.uint8))
    assert all(np.isfinite(face.box.area) for face in faces)
