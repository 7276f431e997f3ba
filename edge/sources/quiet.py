"""OpenCV and the libraries in it, kept off standard error: what fails is said once, by us, in one line."""

from __future__ import annotations

import os
from typing import Any

import cv2


def quiet_opencv() -> None:
    """Call before OpenCV decodes anything. FFmpeg's level is read from the environment at the first clip."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    names: Any = cv2
    if hasattr(names, "setLogLevel"):
        names.setLogLevel(0)
    else:  # where OpenCV 4.14 has it
        names.utils.logging.setLogLevel(names.utils.logging.LOG_LEVEL_SILENT)
