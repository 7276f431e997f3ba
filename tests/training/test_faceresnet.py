"""The face recognition network: its file is read as dlib wrote it, and grey answers as colour did."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras")

import keras
from numpy.typing import NDArray

from edge.errors import ModelError, SourceError
from training.models import dlib_file, faceresnet
from training.models.dlib_file import Convolution, read_convolutions
from training.recipe import ModelConfig

FILTERS = 2


def integer(value: int) -> bytes:
    """As dlib writes it."""
    digits = value.to_bytes((value.bit_length() + 7) // 8 or 1, "little")
    return bytes([len(digits)]) + digits


def tensor(values: NDArray[np.float32], version: int = 2) -> bytes:
    sizes = b"".join(integer(size) for size in (version, values.size, 1, 1, 1))
    return sizes + values.astype("<f4").tobytes()


def layers(rng: np.random.Generator) -> list[tuple[NDArray[np.float32], ...]]:
    """Filters (out, in, height, width), bias, scale and offset of a stem and of one more convolution."""
    shapes = [(FILTERS, 3, 7, 7), (FILTERS, FILTERS, 3, 3)]
    return [(rng.normal(size=shape).astype("f4"), *rng.normal(size=(3, FILTERS)).astype("f4")) for shape in shapes]


def written(found: list[tuple[NDArray[np.float32], ...]]) -> bytes:
    data = b"\x01\x01\x01\x0dloss_metric_2"
    for filters, bias, scale, offset in found:
        data += b"\x05con_4" + tensor(np.concatenate([filters.ravel(), bias])) + integer(3)
        data += b"\x07affine_" + tensor(np.concatenate([scale, offset])) + b"\x08relu_110"
    return data


def test_a_convolution_answers_as_it_did_before_its_affine_layer_was_folded_in(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    (filters, bias, scale, offset), second = layers(rng)
    (tmp_path / "net.dat").write_bytes(written([(filters, bias, scale, offset), second]))
    stem, other = read_convolutions(tmp_path / "net.dat")
    patch = rng.normal(size=(7, 7, 3)).astype("f4")
    before = [(filters[number].transpose(1, 2, 0) * patch).sum() + bias[number] for number in range(FILTERS)]
    after = np.einsum("hwio,hwi->o", stem.kernel, patch) + stem.bias
    assert after == pytest.approx(np.array(before) * scale + offset, rel=1e-4)
    assert other.kernel.shape == (3, 3, FILTERS, FILTERS)


def test_a_layer_s_name_among_the_values_is_not_taken_for_a_layer(tmp_path: Path) -> None:
    first, second = layers(np.random.default_rng(2))
    first[0].ravel()[:2] = np.frombuffer(b"\x05con_4\x00\x00", "<f4")
    (tmp_path / "net.dat").write_bytes(written([first, second]))
    assert len(read_convolutions(tmp_path / "net.dat")) == len([first, second])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no network of dlib's"),
        (b"\x05con_4\xff\xff", "no size at byte"),
        (b"\x05con_4" + tensor(np.zeros(9, "f4"))[:-4], "is cut short"),
        (b"\x05con_4" + tensor(np.zeros(9, "f4"), version=3), "another version"),
        (
            b"\x05con_4" + tensor(np.zeros(9, "f4")) + b"\x07affine_" + tensor(np.zeros(4, "f4")),
            "convolution 1 has",
        ),
    ],
)
def test_another_file_is_refused_in_one_line(data: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / "net.dat").write_bytes(data)
    with pytest.raises(ModelError, match=why) as caught:
        read_convolutions(tmp_path / "net.dat")
    assert str(caught.value).startswith(f"{tmp_path}/net.dat: ")
    assert "\n" not in str(caught.value)


def test_grey_in_0_to_1_answers_as_the_same_grey_in_colour_did() -> None:
    model = faceresnet.build(ModelConfig(family="faceresnet"))
    rng = np.random.default_rng(3)
    convolutions = [
        Convolution(rng.normal(size=(*layer.kernel.shape[:2], 3, layer.kernel.shape[3])).astype("f4") / 9,
                    rng.normal(size=layer.kernel.shape[3]).astype("f4"))
        for layer in model.layers if layer.name == "stem"
    ]  # fmt: skip
    faceresnet.give_weights(model, convolutions)
    luma = rng.integers(0, 256, (1, 7, 7, 1)).astype("f4")
    colours = (np.repeat(luma, 3, axis=3) - faceresnet.MEAN_RGB) / 256
    wanted = np.einsum("nhwi,hwio->no", colours, convolutions[0].kernel) + convolutions[0].bias
    stem = model.get_layer("stem")
    assert np.asarray(stem(luma / 255)).ravel() == pytest.approx(wanted.ravel(), rel=1e-3, abs=1e-4)


def test_a_missing_package_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dlib_file, "PACKAGE", "a_package_that_nobody_has")
    with pytest.raises(SourceError, match=r"is not installed.*pip install a_package.*--weights none") as caught:
        faceresnet.build(ModelConfig(family="faceresnet", weights="faces"))
    assert "\n" not in str(caught.value)


def test_with_the_package_every_convolution_starts_from_it() -> None:
    try:
        convolutions = read_convolutions(dlib_file.installed_file())
    except SourceError as error:
        pytest.skip(str(error))
    model = faceresnet.build(ModelConfig(family="faceresnet", weights="faces"))
    found = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert len(convolutions) == len(found) + 2  # dlib's last block is left off
    assert all(
        np.array_equal(layer.kernel, known.kernel)
        for layer, known in zip(found[1:], convolutions[1:], strict=False)
    )


def test_norms_that_are_put_into_a_trained_network_change_no_answer_at_first() -> None:
    rng = np.random.default_rng(4)
    plain, normed = (faceresnet.build(ModelConfig(family="faceresnet", size=size)) for size in faceresnet.SIZES)
    by_name = {layer.name: layer.get_weights() for layer in plain.layers if layer.weights}
    for layer in normed.layers:
        if layer.name in by_name:
            layer.set_weights(by_name[layer.name])
    pictures = rng.random((8, 48, 48, 1), np.float32)
    faceresnet.settle(normed, pictures)
    wanted = plain.predict_on_batch(pictures)
    assert normed.predict_on_batch(pictures) == pytest.approx(wanted, rel=1e-2, abs=1e-2 * np.abs(wanted).max())
    norm = normed.get_layer("stage1_block0_conv1_norm")
    assert np.abs(norm.moving_mean).max() > 0
    norm.set_weights([2 * array for array in norm.get_weights()])
    learnt = norm.get_weights()
    faceresnet.settle(normed, pictures)  # has learnt already: is left alone
    assert all(np.array_equal(now, before) for now, before in zip(norm.get_weights(), learnt, strict=True))
