"""YuNet, float and converted, as the functions that score a detector: boxes in an image of at most 320x320 pixels.

MIEN_PROOF names the file: an .onnx runs in OpenCV, a .tflite in Mien's runtime. Both see the same pixels, padded
with black to 320x320.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.model.interpreter import Interpreter, dequantize

SIDE, STRIDES = 320, (8, 16, 32)
MIN_SCORE, MAX_OVERLAP, TOP = 0.02, 0.3, 500
Found = tuple[float, float, float, float, float]


def detect(image: NDArray[np.uint8]) -> list[Found]:
    """(x, y, width, height, score) of each face; image: BGR."""
    height, width = image.shape[:2]
    padded = np.zeros((SIDE, SIDE, 3), np.uint8)
    padded[:height, :width] = image
    path = Path(os.environ["MIEN_PROOF"])
    return _with_opencv(path, padded) if path.suffix == ".onnx" else _with_interpreter(path, padded)


def _with_opencv(path: Path, padded: NDArray[np.uint8]) -> list[Found]:
    _, rows = _detector(path).detect(padded)
    return [] if rows is None else [(*map(float, row[:4]), float(row[14])) for row in rows]


@functools.cache
def _detector(path: Path) -> Any:
    return cv2.FaceDetectorYN.create(str(path), "", (SIDE, SIDE), MIN_SCORE, MAX_OVERLAP, TOP)


def _with_interpreter(path: Path, padded: NDArray[np.uint8]) -> list[Found]:
    interpreter = _interpreter(path)
    arrays = [
        dequantize(raw, details)[0]
        for raw, details in zip(interpreter.invoke(padded[np.newaxis]), interpreter.outputs, strict=True)
    ]
    boxes, scores = [], []
    for stride in STRIDES:
        cells = SIDE // stride
        score, box = _of_stride(arrays, interpreter, cells * cells)
        column, row = np.tile(np.arange(cells), cells), np.repeat(np.arange(cells), cells)
        size = np.exp(box[:, 2:]) * stride
        centre = (np.stack([column, row], axis=1) + box[:, :2]) * stride
        kept = score >= MIN_SCORE
        boxes.append(np.hstack([centre - size / 2, size])[kept])
        scores.append(score[kept])
    flat, best = np.concatenate(boxes), np.concatenate(scores)
    chosen = cv2.dnn.NMSBoxes(flat.tolist(), best.tolist(), MIN_SCORE, MAX_OVERLAP, top_k=TOP)
    return [(*map(float, flat[k]), float(best[k])) for k in np.ravel(chosen).astype(int)]


def _of_stride(
    arrays: list[NDArray[np.float32]], interpreter: Interpreter, cells: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(score, box) of each cell: the score is the root of face times object."""
    order = sorted(range(len(arrays)), key=lambda k: int(str(interpreter.outputs[k]["name"]).split(":")[-1]))
    ours = [arrays[k] for k in order if len(arrays[k]) == cells]
    face, thing = (array[:, 0].clip(0, 1) for array in ours if array.shape[1] == 1)
    (box,) = (array for array in ours if array.shape[1] == 4)
    return np.sqrt(face * thing), box


@functools.cache
def _interpreter(path: Path) -> Interpreter:
    return Interpreter(path.read_bytes(), where=str(path))
