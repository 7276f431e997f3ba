"""What every source promises, asked of each backend in turn (edge/sources/__init__.py)."""

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from mjpeg_server import MjpegServer
from msgspec.structs import replace
from numpy.typing import NDArray

from edge.config import SourceConfig
from edge.errors import SourceError
from edge.sources import KINDS, Source, backend, picamera, v4l2
from edge.sources.fake import FakeClock, FakeVideoDevice
from edge.sources.fake_picamera import FakePicamera2, fake_library
from edge.sources.orient import Oriented

WIDTH, HEIGHT, FRAMES, FPS = 96, 64, 5, 10.0

Opener = Callable[[Path, FakeClock, SourceConfig], Source]


def halves() -> NDArray[np.uint8]:
    """Black on the left, white on the right."""
    luma = np.zeros((HEIGHT, WIDTH), np.uint8)
    luma[:, WIDTH // 2 :] = 255
    return luma


def jpeg(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.imencode(".jpg", luma)[1], np.uint8)


def yuyv(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """As a camera sends it: 16 for black, 235 for white, colours in between."""
    limited = np.round(16 + luma / 255 * 219).astype(np.uint8)
    return np.stack([limited, np.full_like(limited, 128)], axis=2)


def open_demo(_folder: Path, clock: FakeClock, config: SourceConfig) -> Source:
    return backend("demo").open_source(config, clock)


def open_video(folder: Path, clock: FakeClock, config: SourceConfig) -> Source:
    path = folder / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, (WIDTH, HEIGHT))
    for _ in range(FRAMES):
        writer.write(cv2.cvtColor(halves(), cv2.COLOR_GRAY2BGR))
    writer.release()
    return backend("video").open_source(replace(config, path=str(path)), clock)


def open_images(folder: Path, clock: FakeClock, config: SourceConfig) -> Source:
    for number in range(FRAMES):
        cv2.imwrite(str(folder / f"{number}.png"), halves())
    return backend("images").open_source(replace(config, path=str(folder)), clock)


def open_yuyv(_folder: Path, clock: FakeClock, config: SourceConfig) -> Source:
    device = FakeVideoDevice([yuyv(halves())] * FRAMES, {"YUYV": 30.0})
    return v4l2.open_device(device, "/dev/video0 (Fake)", config, clock)


def open_mjpg(_folder: Path, clock: FakeClock, config: SourceConfig) -> Source:
    device = FakeVideoDevice([jpeg(halves())] * FRAMES, {"MJPG": 30.0})
    return v4l2.open_device(device, "/dev/video0 (Fake)", config, clock)


def open_picamera(_folder: Path, clock: FakeClock, config: SourceConfig) -> Source:
    return picamera.open_source(config, clock, fake_library(FakePicamera2([halves()] * FRAMES)))


def open_oriented(folder: Path, clock: FakeClock, config: SourceConfig) -> Source:
    """A camera that hangs upside down behind a mirror."""
    (folder / "turned").mkdir()
    for number in range(FRAMES):
        cv2.imwrite(str(folder / "turned" / f"{number}.png"), cv2.flip(halves(), 0))
    turned = replace(config, rotate=180, mirror=True)
    return Oriented(backend("images").open_source(replace(turned, path=str(folder / "turned")), clock), turned)


OPENERS: dict[str, Opener] = {
    "demo": open_demo,
    "video": open_video,
    "images": open_images,
    "v4l2-yuyv": open_yuyv,
    "v4l2-mjpg": open_mjpg,
    "picamera": open_picamera,
    "images-oriented": open_oriented,
}


@pytest.fixture(scope="module", autouse=True)
def network_camera() -> Iterator[None]:
    """Sends black and white over HTTP for as long as these tests run."""
    with MjpegServer([halves()]) as camera:

        def open_stream(_folder: Path, clock: FakeClock, config: SourceConfig) -> Source:
            return backend("stream").open_source(replace(config, path=camera.address), clock)

        OPENERS["stream"] = open_stream
        yield


def openers() -> list[str]:
    return [*OPENERS, "stream"]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=[f"{name}{pace}" for name in openers() for pace in ("", "-realtime")])
def source(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[Source]:
    name = request.param.removesuffix("-realtime")
    config = SourceConfig(width=WIDTH, height=HEIGHT, fps=FPS, realtime=name != request.param)
    source = OPENERS[name](tmp_path, clock, config)
    yield source
    source.close()


def first(source: Source, number: int) -> list:
    return list(itertools.islice(source, number))


def test_every_kind_is_asked() -> None:
    assert {name.partition("-")[0] for name in openers()} == set(KINDS)


def test_a_frame_is_luma_of_the_size_that_was_asked_for(source: Source) -> None:
    (frame,) = first(source, 1)
    assert frame.luma.dtype == np.uint8
    assert frame.luma.shape == (HEIGHT, WIDTH)
    assert frame.size == (WIDTH, HEIGHT)


@pytest.mark.parametrize("name", sorted({*openers()} - {"demo"}))  # the demo shows its own picture
def test_black_is_0_and_white_is_255(name: str, tmp_path: Path, clock: FakeClock) -> None:
    source = OPENERS[name](tmp_path, clock, SourceConfig(width=WIDTH, height=HEIGHT, fps=FPS))
    (frame,) = first(source, 1)
    source.close()
    assert frame.luma[:, : WIDTH // 2 - 8].max() <= 3
    assert frame.luma[:, WIDTH // 2 + 8 :].min() >= 252


def test_a_frame_stays_as_it_is_when_the_next_one_comes(source: Source) -> None:
    frames = iter(source)
    frame = next(frames)
    before = frame.luma.copy()
    next(frames, None)
    assert np.array_equal(frame.luma, before)


def test_time_grows_and_the_sequence_counts(source: Source) -> None:
    seen = first(source, 4)
    if not source.live:
        assert [frame.sequence for frame in seen] == [0, 1, 2, 3]
        assert [frame.time_s for frame in seen] == pytest.approx([0.0, 0.1, 0.2, 0.3], abs=0.002)
    for earlier, later in itertools.pairwise(seen):
        assert later.time_s > earlier.time_s
        assert later.sequence > earlier.sequence


def test_captured_at_is_the_wall_clock(source: Source, clock: FakeClock) -> None:
    began = clock.epoch()
    (frame,) = first(source, 1)
    assert began - 1 <= frame.captured_at <= clock.epoch() + 0.001


def test_a_source_says_what_it_is(source: Source) -> None:
    assert source.name
    assert isinstance(source.live, bool)
    assert source.dropped >= 0


def test_closing_ends_the_frames_and_may_be_done_twice(source: Source) -> None:
    frames = iter(source)
    next(frames)
    assert source.close() is True
    assert source.close() is True
    assert next(frames, None) is None


def test_a_source_that_was_closed_before_its_first_frame_gives_none(source: Source) -> None:
    source.close()
    assert list(source) == []


def test_another_thread_may_close_while_frames_are_read(source: Source) -> None:
    read = threading.Event()
    ended = threading.Event()

    def read_on() -> None:
        for _ in itertools.chain(source):
            read.set()
        ended.set()

    reader = threading.Thread(target=read_on)
    reader.start()
    assert read.wait(10)
    source.close()
    assert ended.wait(10)
    reader.join()


@pytest.mark.parametrize("kind", ["video", "images", "v4l2"])
def test_a_path_that_is_not_there_is_one_line_and_finds_nothing(kind: str, tmp_path: Path) -> None:
    config = SourceConfig(kind=kind, path=str(tmp_path / "absent"))  # type: ignore[arg-type]
    assert backend(kind).find(config) is None
    with pytest.raises(SourceError, match="no such") as caught:
        backend(kind).open_source(config)
    assert str(tmp_path / "absent") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["video", "images"])
def test_a_source_of_files_needs_a_path(kind: str) -> None:
    assert backend(kind).find(SourceConfig()) is None
    with pytest.raises(SourceError, match=r"^source\.path: "):
        backend(kind).open_source(SourceConfig())
