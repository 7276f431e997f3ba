"""Pictures: folders in order, upright, and a bad one reported once and left out."""

import itertools
import logging
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.config import SourceConfig
from edge.errors import SourceError
from edge.sources import images
from edge.sources.fake import FakeClock

SUFFIXES = [".jpg", ".png", ".bmp", ".webp", ".tiff", ".pgm"]


def picture(level: int = 128) -> NDArray[np.uint8]:
    """Grey of one level with some noise, so that no format packs it into nothing."""
    noise = np.random.default_rng(level).integers(-8, 9, (40, 60))
    return np.clip(level + noise, 0, 255).astype(np.uint8)


def write(path: Path, luma: NDArray[np.uint8] | None = None) -> Path:
    assert cv2.imwrite(str(path), picture() if luma is None else luma)
    return path


def config(path: Path, *, realtime: bool = False, loop: bool = False) -> SourceConfig:
    return SourceConfig(kind="images", path=str(path), fps=10.0, realtime=realtime, loop=loop)


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """A JPEG with an EXIF segment that says how the camera was held."""
    tag = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + tag + struct.pack("<I", 0)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_picture_is_read_as_luma(suffix: str, tmp_path: Path) -> None:
    luma = images.read_luma(write(tmp_path / f"a{suffix}"))
    assert luma.dtype == np.uint8
    assert luma.shape == (40, 60)
    assert np.abs(luma.astype(int) - picture()).mean() < 6


def test_colours_become_luma_by_their_brightness(tmp_path: Path) -> None:
    bgr = np.zeros((8, 24, 3), np.uint8)
    bgr[:, :8, 0] = bgr[:, 8:16, 1] = bgr[:, 16:, 2] = 255
    luma = images.read_luma(write(tmp_path / "a.png", bgr))
    assert luma[4, [4, 12, 20]].tolist() == pytest.approx([29, 150, 76], abs=1)  # ITU-R BT.601


def test_a_16_bit_picture_and_one_with_transparency_are_read_as_8_bit_luma(tmp_path: Path) -> None:
    deep = write(tmp_path / "deep.png", np.full((8, 8), 0xFFFF, np.uint16))  # type: ignore[arg-type]
    clear = write(tmp_path / "clear.png", np.full((8, 8, 4), 255, np.uint8))
    for path in (deep, clear):
        luma = images.read_luma(path)
        assert luma.dtype == np.uint8
        assert luma.tolist() == [[255] * 8] * 8


def test_a_picture_is_turned_upright_as_its_exif_note_says(tmp_path: Path) -> None:
    left_half_white = np.zeros((40, 60), np.uint8)
    left_half_white[:, :30] = 255
    jpeg = cv2.imencode(".jpg", left_half_white)[1].tobytes()
    (tmp_path / "a.jpg").write_bytes(with_orientation(jpeg, 6))  # to be turned a quarter to the right
    luma = images.read_luma(tmp_path / "a.jpg")
    assert luma.shape == (60, 40)
    assert luma[:26].min() > 250
    assert luma[34:].max() < 5


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("ratio", [0.1, 0.6, 0.97])
def test_a_truncated_picture_is_one_line(
    suffix: str, ratio: float, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / f"a{suffix}")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * ratio)])
    with pytest.raises(
        SourceError, match=r"no picture that can be read: truncated, damaged or of an unknown format$"
    ):
        images.read_luma(path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("content", "rule"), [(b"", "empty"), (b"hello " * 50, "unknown format")])
def test_what_is_no_picture_is_one_line(content: bytes, rule: str, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(SourceError, match=rf"a\.jpg: no picture that can be read: .*{rule}"):
        images.read_luma(tmp_path / "a.jpg")


def test_a_folder_is_read_in_the_order_of_its_names_and_without_what_is_no_picture(tmp_path: Path) -> None:
    for number, name in enumerate(["b.png", "a.JPG", "c.bmp", ".hidden.png"]):
        write(tmp_path / name.lower(), picture(50 * number)).rename(tmp_path / name)
    (tmp_path / "labels.csv").write_text("a,b\n")
    (tmp_path / "folder.png").mkdir()
    write(tmp_path / "folder.png" / "inner.png")
    frames = list(images.open_source(config(tmp_path), FakeClock()))
    assert [Path(frame.name).name for frame in frames] == ["a.JPG", "b.png", "c.bmp"]
    assert [frame.time_s for frame in frames] == pytest.approx([0.0, 0.1, 0.2])


def test_one_file_is_one_frame_whatever_its_suffix(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png").rename(tmp_path / "a")
    (frame,) = images.open_source(config(path))
    assert frame.name == str(path)


def test_a_bad_picture_is_reported_once_and_the_others_are_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    write(tmp_path / "c.png")
    source = images.open_source(config(tmp_path, loop=True), FakeClock())
    with caplog.at_level(logging.WARNING, "mien"):
        frames = list(itertools.islice(source, 5))
    assert [Path(frame.name).name for frame in frames] == ["a.png", "c.png", "a.png", "c.png", "a.png"]
    assert [frame.sequence for frame in frames] == list(range(5))
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path}/b.png: no picture that can be read: truncated, damaged or of an unknown format (left out)"
    ]


def test_a_folder_of_bad_pictures_is_an_error(tmp_path: Path) -> None:
    for name in ("a.png", "b.jpg"):
        (tmp_path / name).write_bytes(b"no picture")
    with pytest.raises(SourceError, match="none of its 2 pictures can be read"):
        list(images.open_source(config(tmp_path)))


def test_a_single_bad_picture_is_an_error_of_its_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(SourceError, match=r"a\.png: no picture that can be read"):
        list(images.open_source(config(tmp_path / "a.png")))
    assert caplog.text == ""


def test_an_empty_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no pictures in this folder"):
        images.open_source(config(tmp_path))


def test_in_real_time_pictures_follow_each_other_and_none_is_dropped(tmp_path: Path) -> None:
    for name in "abcd":
        write(tmp_path / f"{name}.png")
    clock = FakeClock(monotonic_s=100.0)
    source = images.open_source(config(tmp_path, realtime=True), clock)
    frames = iter(source)
    next(frames)
    clock.pass_by(0.25)
    assert [frame.sequence for frame in frames] == [1, 2, 3]
    assert clock.monotonic() == pytest.approx(100.3)
    assert source.dropped == 0


def test_a_folder_or_picture_that_the_path_names_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png")
    assert images.find(config(path)) == str(path)
    assert images.find(config(tmp_path)) == str(tmp_path)
    (tmp_path / "notes.txt").write_text("")
    assert images.find(config(tmp_path / "notes.txt")) is None
