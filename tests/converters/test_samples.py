from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from converters.errors import DataError
from converters.samples import Samples, check_calibration, fit, read_samples
from edge.model.preprocess import resize_face

SHAPE = (8, 8, 1)


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        check_calibration(read_samples(path, SHAPE, **options))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    """Ten pictures as FER-2013 files hold them: six of Training, four of PublicTest, picture k all of value k."""
    path = tmp_path / "fer.npz"
    np.savez(
        path,
        pixels=np.stack([np.full((8, 8), k, np.uint8) for k in range(10)]),
        emotion=np.arange(10, dtype=np.int8) % 7,
        usage=np.array(["Training"] * 6 + ["PublicTest"] * 4),
        name=np.array([f"fer{k:07d}.png" for k in range(10)]),
    )
    return path


def values(samples: Samples) -> list[int]:
    return [int(picture[0, 0, 0]) for picture in samples.pixels]


def test_only_the_asked_split_of_a_fer_file_is_read(npz: Path) -> None:
    assert values(read_samples(npz, SHAPE)) == [0, 1, 2, 3, 4, 5]
    public = read_samples(npz, SHAPE, split="PublicTest")
    assert values(public) == [6, 7, 8, 9]
    assert public.labels == ("neutral", "anger", "disgust", "fear")
    assert (public.where, public.split) == (str(npz), "PublicTest")


def test_ids_count_within_the_split_and_a_limit_spreads_over_all(npz: Path, tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("# two\n3\n\n1 # and this\n")
    assert values(read_samples(npz, SHAPE, split="PublicTest", ids=ids)) == [9, 7]
    assert values(read_samples(npz, SHAPE, limit=3)) == [0, 2, 5]
    assert values(read_samples(npz, SHAPE, limit=99)) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("6\n", "line 1: '6': a row number from 0 to 5 is expected"),
        ("1\n-1\n", "line 2: '-1': a row number from 0 to 5 is expected"),
        ("1.5\n", "line 1: '1.5': a row number"),
        ("# nothing\n", "empty: it lists no row number"),
        ("\xff", "line 1: 'ÿ': a row number"),
    ],
)
def test_an_id_file_that_lists_no_rows_is_refused(text: str, rule: str, npz: Path, tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text(text, encoding="utf-8")
    assert refusal(npz, ids=ids) == f"{ids}: {rule}" or rule in refusal(npz, ids=ids)


def test_an_id_file_that_cannot_be_read_is_refused(npz: Path, tmp_path: Path) -> None:
    assert refusal(npz, ids=tmp_path / "none") == f"{tmp_path / 'none'}: cannot be read: No such file or directory"
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    assert refusal(npz, ids=binary) == f"{binary}: cannot be read: no UTF-8 text"


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (np.array([[[0, 255], [7, 9]]], np.int64), [0, 255, 7, 9]),
        (np.array([[[0, 1], [0.5, 0.25]]], np.float32), [0, 255, 128, 64]),
    ],
)
def test_whole_numbers_and_fractions_become_bytes(pixels: Any, expected: list[int], tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", pixels=pixels)
    found = read_samples(tmp_path / "x.npz", (2, 2, 1))
    assert found.pixels.ravel().tolist() == expected
    assert found.labels is None


@pytest.mark.parametrize(
    ("pixels", "rule"),
    [
        (np.zeros((0, 8, 8), np.uint8), "empty: there are no samples in it"),
        (np.full((5, 8, 8), 90, np.uint8), "constant: every pixel is 90, which calibrates nothing"),
        (np.full((5, 8, 8), 256), "out of range: pixels are 256..256, not 0..255"),
        (np.full((5, 8, 8), -1), "out of range: pixels are -1..-1, not 0..255"),
        (np.full((5, 8, 8), 1.5), "out of range: pixels are 1.5..1.5, not 0..1"),
        (np.full((5, 8, 8), np.nan), "out of range: pixels are nan..nan, not 0..1"),
        (np.zeros((5, 64), np.uint8), "pixels have shape (5, 64): (n, height, width)"),
        (np.zeros((5, 8, 8, 2), np.uint8), "pixels have shape (5, 8, 8, 2): (n, height, width)"),
        (np.zeros((5, 0, 8), np.uint8), "pixels have shape (5, 0, 8): (n, height, width)"),
        (np.full((5, 8, 8), "x"), "bytes, or floats in 0..1, are expected"),
        (np.zeros((5, 8, 8), complex), "pixels are complex128"),
    ],
)
def test_pixels_that_cannot_calibrate_are_refused(pixels: Any, rule: str, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, pixels=pixels)
    assert refusal(path).startswith(f"{path}: {rule}") or rule in refusal(path)


def test_files_that_hold_no_samples_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none") == f"{tmp_path / 'none'}: no such file or folder of samples"
    assert "(images): empty: there are no samples in it" in refusal(tmp_path)
    other = tmp_path / "notes.txt"
    other.write_text("hello")
    assert "samples come from a folder of images, an .npz or fer2013.csv" in refusal(other)
    broken = tmp_path / "x.npz"
    broken.write_bytes(b"PK no zip")
    assert "no .npz that can be read" in refusal(broken)
    np.savez(broken, faces=np.zeros(3))
    assert refusal(broken) == f"{broken}: no array named pixels (it holds faces)"
    np.savez(broken, pixels=np.zeros((2, 8, 8), np.uint8), labels=np.array(["a"]))
    assert refusal(broken) == f"{broken}: 1 labels for 2 pictures"
    np.savez(broken, pixels=np.zeros((1, 8, 8), np.uint8), emotion=np.array([7]))
    assert refusal(broken) == f"{broken}: emotion: numbers 0..6 are expected"
    np.savez(broken, pixels=np.array([{"a": 1}], object))
    assert "no .npz that can be read" in refusal(broken)


def test_a_folder_is_read_in_order_with_its_folders_names_as_labels(tmp_path: Path) -> None:
    for name, value in (("happy/b.png", 20), ("happy/a.png", 10), ("fear/x.jpg", 30)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), np.full((8, 8), value, np.uint8))
    (tmp_path / "fear" / "notes.txt").write_text("no picture")
    found = read_samples(tmp_path, SHAPE)
    assert values(found) == [30, 10, 20]
    assert found.labels == ("fear", "happiness", "happiness")


def test_a_flat_folder_has_no_labels_and_a_broken_picture_is_named(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((8, 8), 9, np.uint8))
    assert read_samples(tmp_path, SHAPE).labels is None
    (tmp_path / "b.png").write_bytes(b"no picture")
    assert refusal(tmp_path) == f"{tmp_path / 'b.png'}: no image that can be read"


def test_colour_comes_red_first_unless_asked_otherwise(tmp_path: Path) -> None:
    red = np.zeros((8, 8, 3), np.uint8)
    red[:, :, 2] = 200  # OpenCV writes blue first
    cv2.imwrite(str(tmp_path / "red.png"), red)
    assert read_samples(tmp_path, (8, 8, 3)).pixels[0, 0, 0].tolist() == [200, 0, 0]
    assert read_samples(tmp_path, (8, 8, 3), bgr=True).pixels[0, 0, 0].tolist() == [0, 0, 200]


def test_a_csv_gives_what_the_arrays_give(npz: Path, tmp_path: Path) -> None:
    path = tmp_path / "fer2013.csv"
    rng = np.random.default_rng(2)
    pictures = rng.integers(0, 256, (3, 48, 48))
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["emotion", "pixels", "Usage"])
        for emotion, picture, usage in zip(
            (0, 3, 6), pictures, ("Training", "PublicTest", "Training"), strict=True
        ):
            writer.writerow([emotion, " ".join(map(str, picture.ravel())), usage])
    found = read_samples(path, (48, 48, 1))
    np.testing.assert_array_equal(found.pixels[..., 0], pictures[[0, 2]])
    assert found.labels == ("anger", "neutral")
    assert refusal(path, split="PrivateTest") == f"{path}: empty: it has no row of Usage PrivateTest"


@pytest.mark.parametrize(
    "row",
    ["0,1 2 3,Training", "x," + "0 " * 2304 + ",Training", "0,zero,Training", "9," + "0 " * 2304 + ",Training"],
)
def test_a_csv_row_that_is_no_face_is_refused(row: str, tmp_path: Path) -> None:
    path = tmp_path / "fer2013.csv"
    path.write_text(f"emotion,pixels,Usage\n{row}\n")
    assert refusal(path).startswith(f"{path}: ")


def test_a_csv_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    assert "not fer2013.csv's emotion, 2304 pixels, Usage" in refusal(path)


def test_pictures_are_fitted_as_the_device_resizes_faces() -> None:
    rng = np.random.default_rng(4)
    luma = rng.integers(0, 256, (20, 30)).astype(np.uint8)
    np.testing.assert_array_equal(fit(luma, (8, 8, 1)), resize_face(luma, 8))
    wide = fit(luma, (6, 12, 3))
    assert wide.shape == (6, 12, 3)
    assert (wide[:, :, 0] == wide[:, :, 2]).all()
    colour = rng.integers(0, 256, (8, 8, 3)).astype(np.uint8)
    np.testing.assert_array_equal(fit(colour, (8, 8, 3)), colour)
    grey = fit(colour, (8, 8, 1))[:, :, 0]
    np.testing.assert_array_equal(grey, cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY))
