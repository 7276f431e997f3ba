"""The workload: a room with 0, 1, 4 or 16 faces, made from the demo's portrait, the same on every machine.

A scene is PICTURES pictures that are shown in turns, in each of which the faces have moved a little, as people do.
Whoever changes what they show changes WORKLOAD, so that results of two workloads are never compared.
"""

from __future__ import annotations

import itertools
import math
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from edge.config import SourceConfig
from edge.errors import ConfigError
from edge.messages import Box, Frame
from edge.sources import demo
from edge.sources.images import read_luma

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKLOAD = 1
SIZES = ((320, 240), (640, 480))
FACES = {0: 0.0, 1: 200 / 480, 4: 0.30, 16: 0.15}
"""How many, and the height of each in heights of the frame: one person near, a group far."""
PICTURES = 8
FPS = 15.0
"""The frames' own clock; they are worked on as fast as it goes."""
HEADLINE = "640x480-1"
SHAKE, BREATHE, GRAIN = 0.03, 0.03, 2.0
"""A face moves by so many of its heights and grows by so much; a sensor's noise, in levels."""


class Scene(Struct, frozen=True, eq=False):
    """pictures: luma uint8, shape (height, width). boxes: for each picture the faces', in Mien's convention."""

    name: str
    size: tuple[int, int]
    faces: int
    pictures: tuple[NDArray[np.uint8], ...]
    boxes: tuple[tuple[Box, ...], ...]


def scene_names() -> list[str]:
    """All scenes: WIDTHxHEIGHT-FACES."""
    return [f"{width}x{height}-{faces}" for width, height in SIZES for faces in FACES]


def make_scene(name: str) -> Scene:
    """The scene of this name. Raises ConfigError if there is none, SourceError if the portrait is missing."""
    if name not in scene_names():
        raise ConfigError(f"scene {name}: must be one of {', '.join(scene_names())}")
    size_word, _, faces_word = name.partition("-")
    width, height = (int(part) for part in size_word.split("x"))
    faces = int(faces_word)
    wall = demo.Scene(SourceConfig(width=width, height=height)).render(0)
    rng = np.random.default_rng([WORKLOAD, width, faces])
    drawn = [_picture(wall, faces, rng) for _ in range(PICTURES)]
    return Scene(
        name, (width, height), faces, tuple(picture for picture, _ in drawn), tuple(boxes for _, boxes in drawn)
    )


class SceneSource:
    """A scene's pictures in turns, for ever, each as soon as it is asked for: a single stream."""

    live = False
    dropped = 0

    def __init__(self, scene: Scene) -> None:
        self.name = scene.name
        self._scene = scene

    def __iter__(self) -> Iterator[Frame]:
        for number in itertools.count():
            yield Frame(self._scene.pictures[number % PICTURES], number / FPS, number / FPS, number, self.name)

    def close(self) -> bool:
        return True


def _picture(
    wall: NDArray[np.uint8], faces: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], tuple[Box, ...]]:
    """The room with its faces in a grid, each a little off its place, every other one mirrored."""
    height, width = wall.shape
    picture = wall.astype(np.float32)
    boxes = []
    side = math.isqrt(faces)
    for row, column in itertools.product(range(side), range(side)):
        face_px = FACES[faces] * height * (1 + BREATHE * rng.uniform(-1, 1))
        shift = SHAKE * face_px * rng.uniform(-1, 1, 2)
        centre = (column + 0.5) * width / side + shift[0], (row + 0.5) * height / side + shift[1]
        boxes.append(_draw(picture, face_px, centre, mirrored=(row + column) % 2 == 1))
    picture += rng.normal(0, GRAIN, picture.shape).astype(np.float32)
    return np.asarray(np.clip(np.rint(picture), 0, 255), np.uint8), tuple(boxes)


def _draw(picture: NDArray[np.float32], face_px: float, centre: tuple[float, float], *, mirrored: bool) -> Box:
    """Blend the head over the picture; where it lies. Nothing of it reaches over the picture's edge."""
    head, opaque = _head()
    side = round(len(head) * face_px / demo.FACE.height)
    scale = side / len(head)
    x, y = (round(at - middle * scale) for at, middle in zip(centre, demo.FACE.centre, strict=True))
    face = np.asarray(cv2.resize(head, (side, side), interpolation=cv2.INTER_AREA), np.float32)
    mask = cv2.resize(opaque, (side, side), interpolation=cv2.INTER_AREA)
    if mirrored:
        face, mask = face[:, ::-1], mask[:, ::-1]
    height, width = picture.shape
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + side, width), min(y + side, height)
    inside = np.s_[top - y : bottom - y, left - x : right - x]
    under = picture[top:bottom, left:right]
    under += mask[inside] * (face[inside] - under)
    box = demo.FACE
    return Box(x + box.x_min * scale, y + box.y_min * scale, x + box.x_max * scale, y + box.y_max * scale)


@cache
def _head() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """(portrait, how opaque it is): an ellipse around the face's box that ends before the picture does."""
    portrait = read_luma(demo.PORTRAIT)
    y, x = np.mgrid[0 : len(portrait), 0 : len(portrait)] + 0.5
    middle_x, middle_y = demo.FACE.centre
    away = np.hypot((x - middle_x) / (demo.FACE.width / 2), (y - middle_y) / (demo.FACE.height / 2))
    return portrait, np.clip((1.75 - away) / 0.45, 0, 1).astype(np.float32)
