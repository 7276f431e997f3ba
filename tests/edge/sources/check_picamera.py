"""The fake picamera2 and our capture against the real picamera2 and libcamera, loaded: python check_picamera.py

For a Python that has both: Raspberry Pi OS, or Debian 13 with python3-libcamera and the picamera2 wheel. What
picamera2 loads for previews and encoders and is not there is replaced by empty modules and named. One line a
finding; the exit status is 1 where the real one differs from the fake. Needs no camera.
"""

# ruff: noqa: T201  (it prints)

from __future__ import annotations

import importlib.abc
import importlib.machinery
import inspect
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from edge.sources import picamera
from edge.sources.fake_picamera import FakeJob, FakeMappedArray, FakePicamera2, FakeRequest

BESIDE = ("av", "kms", "OpenGL", "pidng", "piexif", "prctl", "PyQt5", "PyQt6", "simplejpeg", "v4l2", "videodev2")
"""What previews, encoders and raw files want; capture does not."""


class Missing(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self) -> None:
        self.names: set[str] = set()

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> Any:
        if name.partition(".")[0] not in BESIDE:
            return None
        self.names.add(name.partition(".")[0])
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: Any) -> Any:
        return MagicMock(name=spec.name, __path__=[], __spec__=spec, __name__=spec.name)

    def exec_module(self, module: Any) -> None:
        pass


def same_arguments(fake: Any, real: Any) -> bool:
    """Whether the real one takes what the fake takes, by the same names and in the same order."""
    ours = [name for name in inspect.signature(fake).parameters if name not in {"self", "wanted"}]
    theirs = [name for name in inspect.signature(real).parameters if name != "self"]
    return [name for name in theirs if name in ours] == ours


def same_layout(helpers: Any) -> bool:
    """Whether the real one makes the fake's array of a buffer whose rows are longer than the picture is wide."""
    width, height, stride = 100, 70, 128
    raw = np.arange(stride * height * 3 // 2, dtype=np.uint32).astype(np.uint8)
    config = {"format": "YUV420", "size": (width, height), "stride": stride}
    array = helpers._make_array_shared(SimpleNamespace(), raw, config)
    camera = FakePicamera2([np.zeros((height, width), np.uint8)])
    part = {"size": (width, height), "format": "YUV420"}
    camera.configure(camera.create_video_configuration(main=dict(part), lores=dict(part)))
    request = camera.next_request()
    assert request is not None
    return bool(array.shape == request.buffer.shape and np.shares_memory(array, raw))


def main() -> None:
    missing = Missing()
    sys.meta_path.append(missing)
    library = picamera.load_library()
    import libcamera
    from picamera2 import job, request

    print(f"libcamera {libcamera.CameraManager.singleton().version}, Python {sys.version.split()[0]}")
    real = library.camera
    pairs = {
        "create_video_configuration": (FakePicamera2.create_video_configuration, real.create_video_configuration),
        "configure": (FakePicamera2.configure, real.configure),
        "camera_configuration": (FakePicamera2.camera_configuration, real.camera_configuration),
        "start": (FakePicamera2.start, real.start),
        "close": (FakePicamera2.close, real.close),
        "capture_request": (FakePicamera2.capture_request, real.capture_request),
        "get_metadata": (FakeRequest.get_metadata, request.CompletedRequest.get_metadata),
        "release": (FakeRequest.release, request.CompletedRequest.release),
        "MappedArray": (FakeMappedArray, library.mapped_array),
        "get_result": (FakeJob.get_result, job.Job.get_result),
    }
    found = {f"arguments of {name}": same_arguments(*pair) for name, pair in pairs.items()}
    found["layout of a YUV420 buffer"] = same_layout(request.Helpers)
    found["ColorSpace.Sycc() is full range"] = "Full" in str(library.colour_space.Sycc().range)
    for what, same in found.items():
        print(f"{what}: {'as the fake' if same else 'DIFFERS'}")
    print(f"cameras: {real.global_camera_info()}, the first of the Pi's: {picamera.first_camera(library)}")
    print(f"replaced by empty modules: {', '.join(sorted(missing.names)) or 'none'}")
    sys.exit(not all(found.values()))


if __name__ == "__main__":
    main()
