"""Samples to calibrate and judge a model with: a folder of images, an .npz, fer2013.npz or fer2013.csv."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import cv2
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from converters.errors import DataError
from edge.model.labels import FER2013, canonical
from edge.model.preprocess import resize_face

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".pgm", ".ppm", ".tif", ".tiff")


class Samples(Struct, frozen=True, eq=False):
    """Model inputs, and what they show where that is known.

    pixels: uint8, shape (n, height, width, channels).
    labels: one word a sample, None where the data say nothing.
    where: the file or folder. split: the part of a FER-2013 file that was read, else "".
    """

    pixels: NDArray[np.uint8]
    labels: tuple[str, ...] | None
    where: str
    split: str = ""


def read_samples(
    path: Path,
    shape: tuple[int, int, int],
    *,
    split: str = "Training",
    ids: Path | None = None,
    limit: int | None = None,
    bgr: bool = False,
) -> Samples:
    """Samples of a model's input shape (height, width, channels); others are resized as the device would.

    split: which rows of a FER-2013 file. ids: a file of row numbers within the split, one a line.
    limit: at most so many, evenly spaced over all. bgr: colour images keep OpenCV's order.
    Raises DataError if there are none, or they are no pictures.
    """
    if path.is_dir():
        return _read_folder(path, shape, ids, limit, bgr=bgr)
    if not path.is_file():
        raise DataError(f"{path}: no such file or folder of samples")
    if path.suffix == ".csv":
        raw, labels = _read_csv(path, split)
        part = split
    elif path.suffix in (".npz", ".npy"):
        raw, labels, part = _read_npz(path, split)
    else:
        raise DataError(f"{path}: samples come from a folder of images, an .npz or fer2013.csv")
    rows = choose(len(raw), ids, limit, str(path))
    pixels = np.stack([fit(raw[row], shape) for row in rows])
    return Samples(pixels, None if labels is None else tuple(labels[row] for row in rows), str(path), part)


def check_calibration(samples: Samples) -> None:
    """Raises DataError if the samples cannot show what values a model will meet."""
    if len(samples.pixels) == 0:
        raise DataError(f"{samples.where}: empty: a calibration set needs samples")
    if samples.pixels.min() == samples.pixels.max():
        raise DataError(
            f"{samples.where}: constant: every pixel is {samples.pixels.min()}, which calibrates nothing"
        )


def choose(count: int, ids: Path | None, limit: int | None, where: str) -> list[int]:
    """Row numbers: those of the id file, else `limit` of all, evenly spaced. Raises DataError."""
    rows = list(range(count)) if ids is None else _read_ids(ids, count)
    if not rows:
        raise DataError(f"{where}: empty: there are no samples in it")
    if limit is None or limit >= len(rows):
        return rows
    return [rows[int(place)] for place in np.linspace(0, len(rows) - 1, limit)]


def fit(image: NDArray[np.uint8], shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """An image, (h, w) or (h, w, 1 or 3), as uint8 of the shape; colour is averaged to luma, luma repeated."""
    height, width, channels = shape
    planes = image if image.ndim == 3 else image[:, :, np.newaxis]
    if channels == 1 and planes.shape[2] == 3:
        planes = np.asarray(cv2.cvtColor(planes, cv2.COLOR_RGB2GRAY), np.uint8)[:, :, np.newaxis]
    if height == width:  # the very code of the device
        resized = [resize_face(planes[:, :, plane], height)[:, :, 0] for plane in range(planes.shape[2])]
    else:
        method = cv2.INTER_AREA if min(planes.shape[0] / height, planes.shape[1] / width) >= 1 else cv2.INTER_LINEAR
        resized = [
            np.asarray(cv2.resize(planes[:, :, plane], (width, height), interpolation=method), np.uint8)
            for plane in range(planes.shape[2])
        ]
    if len(resized) < channels:
        resized *= channels
    return np.stack(resized, axis=-1)


def _read_ids(path: Path, count: int) -> list[int]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        raise DataError(f"{path}: cannot be read: {reason}") from error
    rows = []
    for number, line in enumerate(lines, 1):
        word = line.split("#")[0].strip()
        if not word:
            continue
        if not word.isdecimal() or int(word) >= count:
            raise DataError(f"{path}: line {number}: {word!r}: a row number from 0 to {count - 1} is expected")
        rows.append(int(word))
    if not rows:
        raise DataError(f"{path}: empty: it lists no row number")
    return rows


def _read_folder(
    path: Path, shape: tuple[int, int, int], ids: Path | None, limit: int | None, *, bgr: bool
) -> Samples:
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in IMAGES and file.is_file())
    chosen = [files[row] for row in choose(len(files), ids, limit, f"{path} (images)")]
    pixels = []
    for file in chosen:
        image = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE if shape[2] == 1 else cv2.IMREAD_COLOR)
        if image is None:
            raise DataError(f"{file}: no image that can be read")
        ordered = image if bgr or image.ndim == 2 else image[:, :, ::-1]
        pixels.append(fit(np.asarray(ordered, np.uint8), shape))
    nested = all(file.parent != path for file in chosen)
    labels = tuple(_word(file.relative_to(path).parts[0]) for file in chosen) if nested else None
    return Samples(np.stack(pixels), labels, str(path))


def _word(folder: str) -> str:
    return canonical(folder) or folder


def _read_npz(path: Path, split: str) -> tuple[NDArray[np.uint8], list[str] | None, str]:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            arrays = {"pixels": loaded}
        else:
            with loaded:
                arrays = dict(loaded)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, KeyError) as error:
        raise DataError(f"{path}: no .npz that can be read: {' '.join(str(error).split())}") from error
    if "pixels" not in arrays:
        raise DataError(f"{path}: no array named pixels (it holds {', '.join(arrays) or 'nothing'})")
    part = ""
    if "usage" in arrays and "emotion" in arrays:
        part = split
        kept = arrays["usage"] == split
        arrays = {name: array[kept] for name, array in arrays.items() if len(array) == len(kept)}
    labels: list[str] | None = None
    if "labels" in arrays:
        labels = [str(word) for word in arrays["labels"]]
    elif "emotion" in arrays:
        labels = _fer_words(arrays["emotion"], str(path))
    pixels = as_bytes(arrays["pixels"], str(path))
    if labels is not None and len(labels) != len(pixels):
        raise DataError(f"{path}: {len(labels)} labels for {len(pixels)} pictures")
    return pixels, labels, part


def as_bytes(pixels: NDArray[np.generic], where: str) -> NDArray[np.uint8]:
    """uint8 pictures from bytes, integers 0..255 or floats 0..1. Raises DataError for anything else."""
    if pixels.ndim not in (3, 4) or 0 in pixels.shape[1:] or (pixels.ndim == 4 and pixels.shape[3] not in (1, 3)):
        raise DataError(
            f"{where}: pixels have shape {pixels.shape}: "
            "(n, height, width) or (n, height, width, 1 or 3) is expected"
        )
    if pixels.dtype == np.uint8:
        return pixels.view(np.uint8)
    top = 255 if np.issubdtype(pixels.dtype, np.integer) else 1
    if not np.issubdtype(pixels.dtype, np.number) or np.issubdtype(pixels.dtype, np.complexfloating):
        raise DataError(f"{where}: pixels are {pixels.dtype}: bytes, or floats in 0..1, are expected")
    values = pixels.astype(np.float64)
    if values.size and not (values.min() >= 0 and values.max() <= top):  # NaN fails both
        raise DataError(f"{where}: out of range: pixels are {values.min():g}..{values.max():g}, not 0..{top}")
    return np.asarray(np.rint(values * (255 / top)), np.uint8)


def _fer_words(numbers: NDArray[np.generic], where: str) -> list[str]:
    allowed = range(len(FER2013))
    if not all(number in allowed for number in numbers.tolist()):
        raise DataError(f"{where}: emotion: numbers 0..{len(FER2013) - 1} are expected")
    return [FER2013[int(number)] for number in numbers.tolist()]


def _read_csv(path: Path, split: str) -> tuple[NDArray[np.uint8], list[str] | None]:
    pictures, numbers = [], []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["Usage"].strip() == split:
                    values = np.array(row["pixels"].split(), dtype=np.int64)
                    pictures.append(values.reshape(48, 48))
                    numbers.append(int(row["emotion"]))
    except (KeyError, ValueError, TypeError, AttributeError, OSError, csv.Error) as error:
        raise DataError(
            f"{path}: picture {len(pictures)}: not fer2013.csv's emotion, 2304 pixels, Usage"
        ) from error
    if not pictures:
        raise DataError(f"{path}: empty: it has no row of Usage {split}")
    return as_bytes(np.stack(pictures), str(path)), _fer_words(np.array(numbers), str(path))
