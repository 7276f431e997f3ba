"""Clips: every frame at its time, late ones dropped in real time, and one line for a file that is not whole."""

import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.config import SourceConfig
from edge.errors import SourceError
from edge.sources import video
from edge.sources.fake import FakeClock

FRAMES, FPS, SIZE = 30, 15.0, (96, 64)


def write_clip(path: Path, codec: str = "MJPG", frames: int = FRAMES) -> Path:
    """Frames that brighten by 8 from one to the next, so that each tells its number."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), FPS, SIZE)
    assert writer.isOpened()
    for number in range(frames):
        writer.write(np.full((SIZE[1], SIZE[0], 3), 8 * number, np.uint8))
    writer.release()
    return path


def cut(path: Path, ratio: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * ratio)])
    return path


def config(path: Path, *, realtime: bool = False, loop: bool = False) -> SourceConfig:
    return SourceConfig(kind="video", path=str(path), realtime=realtime, loop=loop)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.avi", "MJPG"), ("b.mp4", "mp4v"), ("c.mkv", "XVID"), ("d.mkv", "FFV1")]
)
def test_every_frame_comes_once_in_order_and_at_its_time(name: str, codec: str, tmp_path: Path) -> None:
    source = video.open_source(config(write_clip(tmp_path / name, codec)), FakeClock())
    frames = list(source)
    assert [round(frame.luma.mean() / 8) for frame in frames] == list(range(FRAMES))
    assert [frame.sequence for frame in frames] == list(range(FRAMES))
    assert [frame.time_s for frame in frames] == pytest.approx([n / FPS for n in range(FRAMES)], abs=0.002)
    assert {frame.name for frame in frames} == {str(tmp_path / name)}
    assert (source.live, source.dropped) == (False, 0)


@pytest.mark.parametrize(("name", "codec"), [("a.avi", "MJPG"), ("b.mp4", "mp4v"), ("c.mkv", "FFV1")])
def test_black_and_white_come_out_in_full_range(name: str, codec: str, tmp_path: Path) -> None:
    writer = cv2.VideoWriter(str(tmp_path / name), cv2.VideoWriter.fourcc(*codec), FPS, SIZE)
    picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    picture[:, 48:] = 255
    for _ in range(3):
        writer.write(picture)
    writer.release()
    (frame,) = itertools.islice(video.open_source(config(tmp_path / name)), 1)
    assert frame.luma[:, :40].max() <= 3
    assert frame.luma[:, 56:].min() >= 250


def test_in_real_time_a_clip_takes_as_long_as_it_is(tmp_path: Path) -> None:
    clock = FakeClock(monotonic_s=100.0)
    source = video.open_source(config(write_clip(tmp_path / "a.avi"), realtime=True), clock)
    assert len(list(source)) == FRAMES
    assert clock.monotonic() == pytest.approx(100 + (FRAMES - 1) / FPS)


def test_in_real_time_frames_that_come_too_late_are_dropped_and_counted(tmp_path: Path) -> None:
    clock = FakeClock()
    source = video.open_source(config(write_clip(tmp_path / "a.avi"), realtime=True), clock)
    numbers = []
    for frame in source:
        numbers.append(frame.sequence)
        assert round(frame.luma.mean() / 8) == frame.sequence
        clock.pass_by(3.15 / FPS)
    assert numbers[:4] == [0, 3, 6, 9]
    assert source.dropped == FRAMES - len(numbers)


def test_a_loop_begins_again_and_its_time_goes_on(tmp_path: Path) -> None:
    source = video.open_source(config(write_clip(tmp_path / "a.avi", frames=3), loop=True), FakeClock())
    frames = list(itertools.islice(source, 7))
    assert [round(frame.luma.mean() / 8) for frame in frames] == [0, 1, 2, 0, 1, 2, 0]
    assert [frame.sequence for frame in frames] == list(range(7))
    assert [frame.time_s for frame in frames] == pytest.approx([n / FPS for n in range(7)], abs=0.002)
    source.close()


def test_a_name_that_ffmpeg_would_take_for_a_pattern_or_an_address_is_a_name(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "plain.avi", frames=2).rename(tmp_path / "http:%03d.avi")
    assert len(list(video.open_source(config(clip)))) == 2


def test_a_clip_cut_short_gives_its_frames_and_then_one_line(tmp_path: Path) -> None:
    frames = iter(video.open_source(config(cut(write_clip(tmp_path / "a.avi"), 0.7))))
    assert [next(frames).sequence for _ in range(5)] == list(range(5))
    with pytest.raises(SourceError, match=r"a\.avi: ends after \d\.\d s of 2\.0 s: truncated or damaged$"):
        list(frames)


def damaged(path: Path) -> Path:
    """A clip whose middle third is noise."""
    clip = write_clip(path.with_suffix(".mkv"), "XVID")
    content = bytearray(clip.read_bytes())
    third = len(content) // 3
    content[third : 2 * third] = np.random.default_rng(1).bytes(third)
    clip.write_bytes(content)
    return clip


def test_a_clip_with_damage_in_its_middle_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="truncated or damaged") as caught:
        list(video.open_source(config(damaged(tmp_path / "a"))))
    assert "\n" not in str(caught.value)


def no_index(path: Path) -> Path:
    return cut(write_clip(path, "mp4v"), 0.7)


def empty(path: Path) -> Path:
    path.touch()
    return path


def text(path: Path) -> Path:
    path.write_text("no video\n" * 100)
    return path


@pytest.mark.parametrize("make", [no_index, empty, text])
def test_a_file_that_is_no_whole_video_is_one_line(make: Callable[[Path], Path], tmp_path: Path) -> None:
    with pytest.raises(
        SourceError, match=r"clip\.mp4: no video that can be read: truncated, damaged or of an unknown"
    ):
        video.open_source(config(make(tmp_path / "clip.mp4")))


def test_ffmpeg_adds_no_words_of_its_own(tmp_path: Path) -> None:
    clips = [make(tmp_path / f"{make.__name__}.mp4") for make in (no_index, empty, text, damaged)]
    # A process of its own: FFmpeg takes its log level once, and other tests write clips before this one.
    program = """
import sys
from edge.config import SourceConfig
from edge.errors import SourceError
from edge.sources import video
for path in sys.argv[1:]:
    try:
        list(video.open_source(SourceConfig(path=path, realtime=False)))
    except SourceError as error:
        print(error)
"""
    run = subprocess.run(
        [sys.executable, "-c", program, *map(str, clips)], capture_output=True, text=True, check=True
    )
    assert run.stderr == ""
    assert [line.partition(":")[0] for line in run.stdout.splitlines()] == [str(clip) for clip in clips]


def test_a_folder_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is a folder"):
        video.open_source(config(tmp_path))


def test_closing_within_a_clip_is_no_truncation(tmp_path: Path) -> None:
    source = video.open_source(config(write_clip(tmp_path / "a.avi")))
    frames = iter(source)
    next(frames)
    source.close()
    assert list(frames) == []


def test_the_file_that_the_path_names_is_found(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.avi", frames=1)
    assert video.find(config(clip)) == str(clip)
    assert video.find(config(tmp_path)) is None
