"""Boxes and labels on pictures, for people to look at. Nothing in the pipeline draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge.errors import SinkError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

COLOURS = {
    "neutral": (150, 150, 150),
    "happiness": (0, 158, 230),
    "surprise": (66, 228, 240),
    "sadness": (178, 114, 0),
    "anger": (0, 70, 213),
    "disgust": (115, 158, 0),
    "fear": (167, 121, 204),
    "contempt": (233, 180, 86),
}
"""BGR; the palette of Okabe and Ito 2008, which colour-blind people can tell apart."""
UNDECIDED = (220, 220, 220)


def draw_faces(
    picture: NDArray[np.uint8], faces: Sequence[tuple[tuple[int, int, int, int], str]]
) -> NDArray[np.uint8]:
    """A copy of the picture with a box and a caption for each face.

    picture: uint8, grey (height, width) or BGR (height, width, 3).
    faces: (box in pixels, caption that begins with the emotion).
    """
    canvas: NDArray[Any] = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR) if picture.ndim == 2 else picture.copy()
    thickness = max(1, round(max(canvas.shape) / 400))
    for (x_min, y_min, x_max, y_max), caption in faces:
        colour = COLOURS.get(caption.split(" ")[0], UNDECIDED)
        cv2.rectangle(canvas, (x_min, y_min), (x_max, y_max), colour, 2 * thickness)
        _caption(canvas, caption, (x_min, y_min, y_max), colour, thickness)
    return np.asarray(canvas, np.uint8)


def _caption(
    canvas: NDArray[Any], text: str, place: tuple[int, int, int], colour: tuple[int, int, int], thickness: int
) -> None:
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.5 * thickness
    (width, height), baseline = cv2.getTextSize(text, font, scale, thickness)
    x, top, bottom = place
    x = max(0, min(x, canvas.shape[1] - width))
    # Above the box where there is room, else below it, so that the words never cover the face.
    y = top - baseline if top - height - 2 * baseline >= 0 else bottom + height + baseline
    y = min(y, canvas.shape[0] - baseline)
    cv2.rectangle(canvas, (x, y - height - baseline), (x + width, y + baseline), colour, cv2.FILLED)
    cv2.putText(canvas, text, (x, y), font, scale, (0, 0, 0), thickness, cv2.LINE_AA)


def write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write a BGR picture in the format of the file's suffix. Raises SinkError."""
    try:
        _, content = cv2.imencode(path.suffix, picture)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.tobytes())
    except cv2.error as error:
        raise SinkError(f"{path}: no picture format of this suffix") from error
    except OSError as error:
        raise SinkError(f"{path}: cannot be written: {error.strerror}") from error
