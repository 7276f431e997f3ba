"""The fake picamera2 against the real one's source: the same names, the same arguments, the same buffer layout.

The real one is read, not run: it needs libcamera. MIEN_PICAMERA2 may name its folder where it is not installed.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.sources import fake_picamera
from edge.sources.fake_picamera import FakeJob, FakeMappedArray, FakePicamera2, FakeRequest, fake_library


def real_folder() -> Path | None:
    if named := os.environ.get("MIEN_PICAMERA2"):
        return Path(named)
    spec = importlib.util.find_spec("picamera2")
    return Path(spec.origin).parent if spec and spec.origin else None


FOLDER = real_folder()
pytestmark = pytest.mark.skipif(FOLDER is None, reason="no source of picamera2 here")


def real(file: str, owner: str, name: str) -> ast.FunctionDef:
    """The last definition of a method (the others are overloads for type checkers)."""
    assert FOLDER is not None
    tree = ast.parse((FOLDER / file).read_text())
    (found,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == owner]
    return [node for node in found.body if isinstance(node, ast.FunctionDef) and node.name == name][-1]


def arguments(function: ast.FunctionDef) -> list[str]:
    return [argument.arg for argument in (*function.args.args, *function.args.kwonlyargs) if argument.arg != "self"]


CASES: list[tuple[Any, str, str, str]] = [
    (FakePicamera2.create_video_configuration, "picamera2.py", "Picamera2", "create_video_configuration"),
    (FakePicamera2.configure, "picamera2.py", "Picamera2", "configure"),
    (FakePicamera2.camera_configuration, "picamera2.py", "Picamera2", "camera_configuration"),
    (FakePicamera2.start, "picamera2.py", "Picamera2", "start"),
    (FakePicamera2.close, "picamera2.py", "Picamera2", "close"),
    (FakePicamera2.capture_request, "picamera2.py", "Picamera2", "capture_request"),
    (fake_library(None).camera.global_camera_info, "picamera2.py", "Picamera2", "global_camera_info"),
    (FakeRequest.get_metadata, "request.py", "CompletedRequest", "get_metadata"),
    (FakeRequest.release, "request.py", "CompletedRequest", "release"),
    (FakeMappedArray.__init__, "request.py", "MappedArray", "__init__"),
    (FakeMappedArray.__enter__, "request.py", "MappedArray", "__enter__"),
    (FakeJob.get_result, "job.py", "Job", "get_result"),
]


@pytest.mark.parametrize(
    ("fake", "file", "owner", "name"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_the_real_method_takes_what_the_fake_takes_by_the_same_names(
    fake: Any, file: str, owner: str, name: str
) -> None:
    ours = [argument for argument in inspect.signature(fake).parameters if argument not in {"self", "wanted"}]
    theirs = arguments(real(file, owner, name))
    assert set(ours) <= set(theirs)
    positional = [argument for argument in theirs if argument in ours]
    assert positional == ours


def test_a_yuv420_buffer_has_the_fakes_layout() -> None:
    function = real("request.py", "Helpers", "_make_array_shared")
    function.returns = None
    for argument in function.args.args:
        argument.annotation = None
    module = ast.Module([function], type_ignores=[])
    names: dict[str, Any] = {"np": np}
    exec(compile(ast.fix_missing_locations(module), "request.py", "exec"), names)
    width, height, stride = 100, 70, 128
    raw = np.arange(stride * height * 3 // 2, dtype=np.uint32).astype(np.uint8)
    config = {"format": "YUV420", "size": (width, height), "stride": stride}
    array = names["_make_array_shared"](None, raw, config)
    camera = FakePicamera2([np.zeros((height, width), np.uint8)])
    lores = {"size": (width, height), "format": "YUV420"}
    camera.configure(camera.create_video_configuration(main=dict(lores), lores=dict(lores)))
    request = camera.next_request()
    assert request is not None
    assert array.shape == request.buffer.shape
    assert camera.camera_configuration()["lores"]["stride"] % fake_picamera.STRIDE_BYTES == 0


def test_the_real_one_aligns_sizes_and_gives_the_stride_where_the_fake_does() -> None:
    assert FOLDER is not None
    source = (FOLDER / "picamera2.py").read_text()
    assert 'stream_config["stride"] = libcamera_stream_config.stride' in source
    assert "libcamera.ColorSpace.Sycc()" in source
