"""A detector by the word that a command was given."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import is_zipfile

from msgspec import structs

from edge.config import DetectConfig
from edge.detect import luma, yunet
from edge.detect.haar import load as load_haar
from edge.errors import ConfigError

if TYPE_CHECKING:
    from edge.detect import Detector

YUNET_VARIABLE = "MIEN_YUNET"
WORDS = "luma, haar, yunet, or a detector's file: .tflite, .keras, .onnx (YuNet)"


def open_detector(word: str, *, width_px: int, min_score: float, min_face_px: int = 8) -> Detector:
    """`luma`, `haar`, `yunet`, or a detector's model file.

    `yunet` by name takes its file from the variable MIEN_YUNET. Raises ConfigError, ModelError or
    MissingPackageError.
    """
    suffix = Path(word).suffix
    if word == "yunet":
        named = os.environ.get(YUNET_VARIABLE, "")
        if not named:
            raise ConfigError(f"yunet: set {YUNET_VARIABLE} to its ONNX file, or give the file itself")
        word, suffix = named, ".onnx"
    config = DetectConfig(model=word, width_px=width_px, min_score=min_score, min_face_px=min_face_px)
    if word == "haar":
        return load_haar(config)
    if word == "luma":
        return luma.load(structs.replace(config, model=""))
    if suffix == ".onnx":
        return yunet.load(config)
    if suffix == ".tflite":
        return luma.load(config) if is_zipfile(word) else luma.load_bare(config)
    if suffix == ".keras":
        return _open_keras(Path(word), min_score, min_face_px)
    raise ConfigError(f"{word}: no detector: {WORDS}")


def _open_keras(path: Path, min_score: float, min_face_px: int) -> Detector:
    import training.detector.model
    import training.quantize.layers  # noqa: F401  both register layers of networks
    from training.detector.floating import FloatDetector
    from training.predictor import load_keras

    return FloatDetector(load_keras(path), min_score=min_score, min_face_px=min_face_px)
