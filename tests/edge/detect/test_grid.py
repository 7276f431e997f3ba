"""Decoding on hand-made outputs: where a cell's numbers put its box, and one box for each face."""

import numpy as np
import pytest

from edge.detect.grid import CHANNELS, MAX_CANDIDATES, NUMBERS, STRIDES, decode, suppress


def grids(rows: int, columns: int) -> list[np.ndarray]:
    """Silent grids for an output of so many coarsest cells."""
    made = []
    for stride in STRIDES:
        side = STRIDES[-1] // stride
        grid = np.zeros((rows * side, columns * side, NUMBERS), np.float32)
        grid[:, :, 0] = -9
        made.append(grid)
    return made


def pack(made: list[np.ndarray]) -> np.ndarray:
    """What the network gives for these grids: TensorFlow's space_to_depth of each, side by side."""
    packed = []
    for stride, grid in zip(STRIDES, made, strict=True):
        side = STRIDES[-1] // stride
        rows, columns = grid.shape[0] // side, grid.shape[1] // side
        squares = grid.reshape(rows, side, columns, side, NUMBERS).transpose(0, 2, 1, 3, 4)
        packed.append(squares.reshape(rows, columns, -1))
    return np.concatenate(packed, axis=-1)


def test_an_output_has_five_numbers_for_each_cell_of_each_grid() -> None:
    assert pack(grids(2, 3)).shape == (2, 3, CHANNELS)


@pytest.mark.parametrize(("level", "row", "column"), [(0, 5, 7), (1, 0, 3), (2, 1, 0)])
def test_a_cells_numbers_are_offset_and_size_in_its_own_stride(level: int, row: int, column: int) -> None:
    made, stride = grids(2, 3), STRIDES[level]
    made[level][row, column] = [2.0, 4.0, -2.0, 0.0, 3.0]
    boxes, scores = decode(pack(made), min_score=0.5)
    assert scores == pytest.approx([1 / (1 + np.exp(-2.0))])
    x, y = (column + 0.5 + 1) * stride, (row + 0.5 - 0.5) * stride
    width, height = np.exp(1.0) * stride, np.exp(2.0) * stride
    assert boxes[0] == pytest.approx([x - width / 2, y - height / 2, x + width / 2, y + height / 2], rel=1e-5)


def test_raw_numbers_mean_what_their_scale_says() -> None:
    made = grids(1, 1)
    made[0][1, 2] = [3.0, 1.0, 2.0, -1.0, 0.5]
    scale, zero_point = 0.125, 7
    raw = np.rint(pack(made) / scale + zero_point).astype(np.int8)
    whole, _ = decode(pack(made), min_score=0.5)
    quantized, scores = decode(raw, scale=scale, zero_point=zero_point, min_score=0.5)
    assert quantized == pytest.approx(whole, abs=1e-3)
    assert len(decode(raw, scale=scale, zero_point=zero_point, min_score=float(scores[0]) + 1e-3)[0]) == 0
    assert len(decode(raw, scale=scale, zero_point=zero_point, min_score=float(scores[0]) - 1e-3)[0]) == 1


def test_silent_cells_give_no_box() -> None:
    boxes, scores = decode(pack(grids(1, 2)), min_score=0.5)
    assert boxes.shape == (0, 4)
    assert scores.shape == (0,)
    assert [part.shape for part in suppress(boxes, scores, 10)] == [(0, 4), (0,)]


def test_a_frame_where_every_cell_shouts_is_bounded_and_finite() -> None:
    cells = np.full((20, 30, CHANNELS), 127, np.int8)
    boxes, scores = decode(cells, scale=10.0, zero_point=-128, min_score=0.0)
    assert len(boxes) == MAX_CANDIDATES
    assert np.isfinite(boxes).all()
    kept, _ = suppress(boxes, scores, 50)
    assert 1 <= len(kept) <= 50


def test_of_boxes_that_overlap_the_best_remains_moved_by_its_likes() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [30, 30, 40, 40], [4, 0, 14, 10]], np.float32)
    scores = np.array([0.9, 0.9, 0.8, 0.7], np.float32)
    kept, left = suppress(boxes, scores, 10)
    assert left.tolist() == pytest.approx([0.9, 0.8])
    assert kept[0] == pytest.approx([0.5, 0, 10.5, 10])
    assert kept[1].tolist() == [30, 30, 40, 40]


def test_boxes_without_area_stay_apart_and_end() -> None:
    boxes = np.tile(np.array([[5, 5, 5, 5]], np.float32), (3, 1))
    kept, _ = suppress(boxes, np.array([0.9, 0.8, 0.7], np.float32), 10)
    assert len(kept) == 3
