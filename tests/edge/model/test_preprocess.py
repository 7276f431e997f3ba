from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.messages import Box
from edge.model.preprocess import CropContract, crop_face, resize_face, softmax

RAMP = np.add.outer(np.arange(60), np.arange(80)).astype(np.uint8)
"""Row + column: a pixel tells where it came from."""


def test_a_crop_of_the_models_size_is_the_frames_own_pixels() -> None:
    crop = crop_face(RAMP, Box(10, 5, 18, 13), CropContract(size_px=8))
    assert crop.shape == (8, 8, 1)
    np.testing.assert_array_equal(crop[:, :, 0], RAMP[5:13, 10:18])


def test_the_square_has_the_longer_side_and_the_boxs_centre() -> None:
    assert CropContract().square(Box(10, 10, 20, 30)) == Box(5, 10, 25, 30)


def test_scale_and_offsets_count_in_box_sides() -> None:
    contract = CropContract(scale=1.5, offset_x=0.1, offset_y=-0.2)
    assert contract.square(Box(0, 0, 10, 20)) == Box(6 - 15, 6 - 15, 6 + 15, 6 + 15)


def test_beyond_the_edge_the_edge_is_repeated() -> None:
    crop = crop_face(RAMP, Box(-4, -4, 4, 4), CropContract(size_px=8))[:, :, 0]
    np.testing.assert_array_equal(crop[:4, :4], 0)
    np.testing.assert_array_equal(crop[4:, 4:], RAMP[:4, :4])
    far = crop_face(RAMP, Box(1000, 1000, 1008, 1008), CropContract(size_px=8))
    assert (far == RAMP[-1, -1]).all()


def test_a_huge_box_far_outside_is_cheap_and_safe() -> None:
    assert crop_face(RAMP, Box(-3000, -3000, 3000, 3000), CropContract(size_px=48)).shape == (48, 48, 1)


def test_mirrored_is_left_for_right_and_nothing_else() -> None:
    box, contract = Box(3, 3, 33, 43), CropContract(size_px=16)
    plain, mirrored = crop_face(RAMP, box, contract), crop_face(RAMP, box, contract, mirrored=True)
    np.testing.assert_array_equal(plain[:, ::-1], mirrored)


def test_shrinking_averages_and_does_not_alias() -> None:
    stripes = np.zeros((96, 96), np.uint8)
    stripes[:, ::2] = 200
    assert (resize_face(stripes, 48) == 100).all()


def test_strided_views_give_what_their_copies_give() -> None:
    view = np.repeat(np.repeat(RAMP, 2, axis=0), 2, axis=1)[::2, ::2]
    box, contract = Box(7, 7, 40, 50), CropContract(size_px=24)
    np.testing.assert_array_equal(crop_face(view, box, contract), crop_face(RAMP, box, contract))


def test_a_crop_goes_into_the_interpreter_as_it_is() -> None:
    crop = crop_face(RAMP, Box(3, 3, 33, 43), CropContract(size_px=16), mirrored=True)
    assert crop.flags.c_contiguous
    assert crop.dtype == np.uint8


@pytest.mark.parametrize("box", [Box(5, 5, 5, 9), Box(9, 5, 5, 9), Box(0, 0, float("nan"), 9)])
def test_a_box_without_area_is_refused(box: Box) -> None:
    with pytest.raises(ValueError, match=r"a face box needs an area"):
        crop_face(RAMP, box, CropContract())


@pytest.mark.parametrize("luma", [np.zeros((0, 5), np.uint8), np.zeros((5, 5, 3), np.uint8)])
def test_a_frame_without_pixels_or_with_colour_is_refused(luma: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"a luma frame has shape \(height, width\)"):
        crop_face(luma, Box(0, 0, 4, 4), CropContract())
    with pytest.raises(ValueError, match=r"a face patch has shape"):
        resize_face(luma, 8)


@given(
    x=st.floats(-200, 200), y=st.floats(-200, 200), width=st.floats(0.01, 300), height=st.floats(0.01, 300),
    size=st.integers(8, 64),
)  # fmt: skip
def test_every_box_with_an_area_gives_a_crop_of_frame_values(
    x: float, y: float, width: float, height: float, size: int
) -> None:
    crop = crop_face(RAMP, Box(x, y, x + width, y + height), CropContract(size_px=size))
    assert crop.shape == (size, size, 1)
    assert crop.max() <= RAMP.max()


@pytest.mark.parametrize(
    "fields", [{"size_px": 7}, {"size_px": 513}, {"scale": 0.4}, {"scale": 3.1}, {"offset_x": 0.6}, {"shape": 1}]
)
def test_a_crop_contract_beyond_reason_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(fields, CropContract)


def test_softmax_sums_to_one_keeps_the_order_and_bears_large_logits() -> None:
    scores = softmax(np.array([[1000.0, 999.0, -1000.0], [0.0, 0.0, 0.0]], np.float32))
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(scores[0], [0.731059, 0.268941, 0], atol=1e-6)
    np.testing.assert_allclose(scores[1], 1 / 3, rtol=1e-6)
    assert scores.dtype == np.float32
