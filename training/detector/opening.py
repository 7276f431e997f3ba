"""A detector by the word that a command was given."""

from __future__ import annotations

import os
from pathlib import Path

from edge.config import DetectConfig
from edge.detect import BACKENDS, Detector, load_detector
from edge.errors import ConfigError

MODEL_BACKENDS = {".onnx": "yunet"}
YUNET_VARIABLE = "MIEN_YUNET"


def open_detector(word: str, *, width_px: int, min_score: float, min_face_px: int = 8) -> Detector:
    """A backend's name, or a detector's model file.

    `yunet` by name takes its file from the variable MIEN_YUNET. Raises ConfigError, ModelError or
    MissingPackageError.
    """
    path = Path(word)
    if path.suffix in MODEL_BACKENDS:
        backend, model = MODEL_BACKENDS[path.suffix], word
    elif word in BACKENDS:
        backend, model = word, os.environ.get(YUNET_VARIABLE, "") if word == "yunet" else ""
        if word == "yunet" and not model:
            raise ConfigError(f"yunet: set {YUNET_VARIABLE} to its ONNX file, or give the file itself")
    else:
        raise ConfigError(
            f"{word}: neither a detector ({', '.join(BACKENDS)}) nor a file ({', '.join(MODEL_BACKENDS)})"
        )
    config = DetectConfig(
        backend=backend,  # type: ignore[arg-type]
        model=model,
        width_px=width_px,
        min_score=min_score,
        min_face_px=min_face_px,
    )
    return load_detector(config)
