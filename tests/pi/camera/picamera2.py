"""A Pi camera for a container: where apt would put picamera2, with the calls that Mien makes and one face.

It hangs, deadline or not, while FREEZE is there.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import edge
from edge.sources.fake_picamera import FakeJob, FakeMappedArray, FakePicamera2

FREEZE = Path("/var/lib/mien/freeze")
MappedArray = FakeMappedArray


class Picamera2(FakePicamera2):
    def __init__(self, camera_num: int = 0) -> None:
        portrait = cv2.imread(str(Path(edge.__file__).parent / "assets/portrait.jpg"), cv2.IMREAD_GRAYSCALE)
        frame = np.full((480, 640), 128, np.uint8)
        frame[40:440, 120:520] = cv2.resize(portrait, (400, 400))
        super().__init__([frame])

    def capture_request(self, *, wait: bool = True) -> FakeJob:
        while FREEZE.exists():
            time.sleep(1)
        return super().capture_request(wait=wait)

    @staticmethod
    def global_camera_info() -> list[dict[str, Any]]:
        return [{"Model": "imx708", "Id": "/base/i2c/imx708"}]
