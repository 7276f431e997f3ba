"""A camera on the network: frames over real HTTP, lost and found again, its password never shown."""

from __future__ import annotations

import numpy as np
import pytest
from mjpeg_server import MjpegServer

from edge.config import SourceConfig
from edge.errors import SourceError
from edge.sources import stream

SIZE = (48, 64)


def grey(level: int) -> np.ndarray:
    return np.full(SIZE, level, np.uint8)


def config(address: str) -> SourceConfig:
    return SourceConfig(kind="stream", path=address)


def test_frames_come_over_http_until_the_camera_hangs_up_and_again_when_it_is_back() -> None:
    with MjpegServer([grey(40), grey(80)]) as camera:
        source = stream.open_source(config(camera.address))
        frames = iter(source)
        assert abs(int(next(frames).luma.mean()) - 80) < 42
        camera.hang_up.set()
        with pytest.raises(SourceError, match="gives no frame: it has ended, or the network is away"):
            for _ in frames:
                pass
        assert source.close() is True
        camera.hang_up.clear()
        again = stream.open_source(config(camera.address))
        assert next(iter(again)).luma.shape == SIZE
        again.close()
        assert camera.callers == 2


def test_name_password_and_query_are_used_and_never_shown() -> None:
    with MjpegServer([grey(80)], password="geheim") as camera:
        address = f"http://eva:geheim@127.0.0.1:{camera.port}/video?key=topsecret"
        source = stream.open_source(config(address))
        assert source.name == f"http://127.0.0.1:{camera.port}/video"
        assert next(iter(source)).luma.shape == SIZE
        assert camera.path == "/video?key=topsecret"
        source.close()
    with pytest.raises(SourceError) as caught:
        stream.open_source(config(address))
    assert "geheim" not in str(caught.value)
    assert "topsecret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["", "clip.mp4", "file:///etc/passwd", "concat:a|b", "rtsp://", "http://h:no/x"]
)
def test_what_is_no_address_of_a_camera_is_refused_and_finds_nothing(address: str) -> None:
    assert stream.find(config(address)) is None
    with pytest.raises(SourceError, match=r"^source\.path: an address is needed"):
        stream.open_source(config(address))


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://eva:x@cam.local:554/live/1?k=9#f", "rtsp://cam.local:554/live/1"),
        ("https://[fd00::1]:8443/v", "https://[fd00::1]:8443/v"),
        ("http://cam/", "http://cam/"),
    ],
)
def test_an_address_is_shown_without_what_is_secret(address: str, shown: str) -> None:
    assert stream.find(config(address)) == shown


def test_what_answers_but_sends_no_video_is_one_line() -> None:
    with MjpegServer([grey(1)]) as camera:
        camera.hang_up.set()
        with pytest.raises(SourceError, match=r"cannot be opened|gives no frame"):
            stream.open_source(config(camera.address))
