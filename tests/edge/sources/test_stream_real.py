"""The stream source against servers that are not made for it: GStreamer's by RTSP, and Mien's own page by HTTP."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.config import Config, SourceConfig, WebConfig
from edge.core import Core
from edge.errors import SourceError
from edge.messages import Frame, Reading
from edge.privacy import Privacy
from edge.sinks.web import WebSink
from edge.sources import Source, stream

SYSTEM_PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("rtsp_server.py")
WANTED = 'import gi; gi.require_version("GstRtspServer", "1.0"); from gi.repository import GstRtspServer'
GREY = 0x90
NARROW_GREY = round(16 + GREY * 219 / 255)
"""GStreamer's test picture is of limited range, which its JPEG does not say."""


@contextlib.contextmanager
def rtsp(port: int = 0) -> Iterator[int]:
    """The port of a server that runs until the block ends, or it is taken away."""
    command = [SYSTEM_PYTHON, str(SERVER), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            yield int(server.stdout.readline())
        finally:
            server.kill()


@pytest.fixture(scope="module")
def _gstreamer() -> None:
    found = Path(SYSTEM_PYTHON).exists()
    if not found or subprocess.run([SYSTEM_PYTHON, "-c", WANTED], capture_output=True, check=False).returncode:
        pytest.skip("GStreamer's RTSP server is not installed (gir1.2-gst-rtsp-server-1.0)")


def opened(address: str) -> Source:
    return stream.open_source(SourceConfig(kind="stream", path=address))


@pytest.mark.usefixtures("_gstreamer")
def test_rtsp_gives_frames_is_lost_with_its_server_and_comes_back_with_it() -> None:
    with rtsp() as port:
        address = f"rtsp://127.0.0.1:{port}/camera"
        source = opened(address)
        frames = iter(source)
        first, second = next(frames), next(frames)
        assert first.luma.shape == (120, 160)
        assert abs(int(np.median(first.luma)) - NARROW_GREY) <= 2
        assert second.time_s > first.time_s
    with pytest.raises(SourceError, match=f"rtsp://127.0.0.1:{port}/camera: gives no frame"):
        for _ in frames:
            pass
    assert source.close() is True
    with pytest.raises(SourceError, match="cannot be opened"):
        opened(address)
    with rtsp(port):
        again = opened(address)
        assert next(iter(again)).luma.shape == (120, 160)
        again.close()


@pytest.mark.usefixtures("_gstreamer")
def test_an_rtsp_server_that_has_no_such_camera_is_one_line() -> None:
    with rtsp() as port, pytest.raises(SourceError, match="cannot be opened: check address"):
        opened(f"rtsp://127.0.0.1:{port}/garden")


def test_one_mien_can_look_through_anothers_page(tmp_path: Path) -> None:
    sink = WebSink(Config(web=WebConfig(port=0)), Core(Privacy(tmp_path / "privacy.json")))
    stop = threading.Event()

    def show() -> None:
        for number in range(100_000):
            luma = np.full((120, 160), GREY, np.uint8)
            sink.publish(Reading(Frame(luma, number / 15, 0.0, number), (), ()))
            if stop.wait(0.02):
                return

    loop = threading.Thread(target=show)
    loop.start()
    try:
        source = opened(f"{sink.url}stream.mjpg")
        frame = next(iter(source))
        assert frame.luma.shape == (120, 160)
        assert abs(int(np.median(frame.luma)) - GREY) <= 2
        source.close()
    finally:
        stop.set()
        loop.join()
        sink.close()
