"""The loss and the decoding speak of the same boxes, and learning goes where the faces are."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from edge.detect.grid import CHANNELS, decode  # noqa: E402  (after the skip)
from training.detector import loss  # noqa: E402
from training.detector.boxes import IGNORED  # noqa: E402
from training.detector.model import Blocks, build_detector  # noqa: E402
from training.detector.recipe import load_detector_recipe  # noqa: E402

FACES = np.array([[[8, 8, 24, 28, 1.0], [30, 20, 62, 60, 0.8], [0] * 5]], np.float32)


def numpy_of(tensor: object) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def test_training_and_device_read_the_same_boxes_from_an_output() -> None:
    cells = np.random.default_rng(2).normal(size=(1, 2, 3, CHANNELS)).astype(np.float32)
    numbers = loss.unpack(keras.ops.convert_to_tensor(cells))
    middles, strides = loss.cell_middles(2, 3)
    ours = numpy_of(loss.boxes_of(numbers, middles, strides))[0]
    scores = 1 / (1 + np.exp(-numpy_of(numbers)[0, :, 0]))
    theirs, sure = decode(cells[0], min_score=0.0)
    order = np.argsort(-scores, kind="stable")
    assert scores[order] == pytest.approx(sure, abs=1e-6)
    assert ours[order] == pytest.approx(theirs, rel=1e-4, abs=1e-3)


def test_only_cells_inside_a_face_are_to_find_it_and_none_of_the_empty_rows() -> None:
    cells = np.random.default_rng(2).normal(size=(1, 2, 2, CHANNELS)).astype(np.float32)
    numbers = loss.unpack(keras.ops.convert_to_tensor(cells))
    middles, strides = loss.cell_middles(2, 2)
    boxes = loss.boxes_of(numbers, middles, strides)
    target, matched, certain = loss.assign(FACES, boxes, keras.ops.sigmoid(numbers[:, :, 0]), middles, strides)
    target, matched = numpy_of(target)[0], numpy_of(matched)[0]
    chosen = target > 0
    assert chosen.any()
    inside = (matched[:, :2] < middles).all(axis=1) & (middles < matched[:, 2:]).all(axis=1)
    assert inside[chosen].all()
    assert target.max() <= 1
    assert numpy_of(certain).all()
    assert set(map(tuple, matched[chosen])) <= {tuple(FACES[0, 0, :4]), tuple(FACES[0, 1, :4])}


@pytest.mark.parametrize(("side_px", "strides"), [(12, {8}), (60, {8, 16}), (120, {16, 32}), (400, {32})])
def test_a_face_is_found_by_cells_that_see_it_whole(side_px: int, strides: set[int]) -> None:
    _, at = loss.cell_middles(2, 2)
    suited = numpy_of(loss.suits(np.array([[[0, 0, side_px, side_px // 2, 1]]], np.float32), at))[0, 0]
    assert set(at[suited, 0].astype(int)) == strides


def test_every_size_of_face_has_its_cells() -> None:
    sizes = np.arange(4, 1000, dtype=np.float32)
    faces = np.stack([0 * sizes, 0 * sizes, sizes, sizes, 0 * sizes + 1], axis=1)[None]
    assert numpy_of(loss.suits(faces, loss.cell_middles(1, 1)[1])).any(axis=2).all()


def test_nothing_is_learnt_where_a_face_is_doubtful() -> None:
    quiet = np.zeros((1, 2, 2, CHANNELS), np.float32)
    doubtful = np.array([[[0, 0, 64, 64, IGNORED]]], np.float32)
    nowhere = np.zeros((1, 1, 5), np.float32)
    teach = loss.DetectionLoss()
    assert float(teach(doubtful, keras.ops.convert_to_tensor(quiet))) == 0
    assert float(teach(nowhere, keras.ops.convert_to_tensor(quiet))) > 0


def test_a_network_learns_to_find_a_bright_square() -> None:
    recipe, _ = load_detector_recipe("face")
    keras.utils.set_random_seed(1)
    model = build_detector(recipe.network, (64, 64))
    model.compile(keras.optimizers.Adam(3e-3), loss=loss.DetectionLoss(), jit_compile=False)
    rng = np.random.default_rng(1)
    luma, faces = np.zeros((16, 64, 64, 1), np.float32), np.zeros((16, 1, 5), np.float32)
    for number in range(16):
        x, y = rng.integers(0, 40, 2)
        luma[number, y : y + 24, x : x + 24] = 1
        faces[number, 0] = [x, y, x + 24, y + 24, 1]
    first = model.train_on_batch(luma, faces)
    for _ in range(12):
        last = model.train_on_batch(luma, faces)
    assert float(last) < 0.7 * float(first)


@pytest.mark.parametrize("block", [2, 4])
def test_blocks_are_their_own_inverse_whatever_the_backend(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = np.random.default_rng(3).normal(size=(2, 8, 12, 3)).astype(np.float32)
    forth, back = Blocks(block), Blocks(block, back=True)
    packed = numpy_of(forth(picture))
    assert packed.shape == (2, 8 // block, 12 // block, 3 * block * block)
    assert (numpy_of(back(packed)) == picture).all()
    monkeypatch.setattr(keras.backend, "backend", lambda: "another")
    assert (numpy_of(forth(picture)) == packed).all()
    assert (numpy_of(back(packed)) == picture).all()


def test_the_bundled_network_has_the_size_that_the_budget_was_counted_for() -> None:
    recipe, _ = load_detector_recipe("face")
    assert build_detector(recipe.network).count_params() == 195_615
