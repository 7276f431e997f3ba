"""The demo: a portrait (edge/assets/README.md) that follows a script, so that every stage has something to do.

A frame is a pure function of its number; where the face is, too (`expected`). The script takes PERIOD_S and then
begins again, for ever. Within its first 200 frames at 15 a second a face appears, moves, grows, dims, is covered
for less than a track outlives, then for longer, and returns.
"""

from __future__ import annotations

import itertools
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np
from msgspec import Struct

from edge.config import SourceConfig
from edge.errors import SourceError
from edge.messages import Box, Frame
from edge.sources.pace import Clock, Pace, SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

PORTRAIT = Path(__file__).resolve().parent.parent / "assets" / "portrait.jpg"
PORTRAIT_PX = 256
FACE = Box(82, 55, 174, 170)
"""In the portrait, in the convention of edge/detect: hairline to chin, ear to ear."""
EMOTION = "happiness"
"""What the face shows; it smiles all the time."""


class Pose(Struct, frozen=True):
    """Where and how the face shows.

    x, y: the face's centre, in widths and heights of the frame.
    size: the face's height, in shorter sides of the frame.
    light: 1 as photographed, 0 dark.
    """

    x: float
    y: float
    size: float
    light: float = 1.0


class Phase(Struct, frozen=True):
    """A stretch of the script: `pose` is reached at its end, from that of the phase before."""

    name: str
    duration_s: float
    shows: Literal["nobody", "face", "board"]
    pose: Pose


SCRIPT = (
    Phase("empty", 0.6, "nobody", Pose(-0.25, 0.45, 0.26)),
    Phase("enters", 1.0, "face", Pose(0.30, 0.45, 0.26)),
    Phase("stays", 1.0, "face", Pose(0.30, 0.45, 0.26)),
    Phase("moves", 1.6, "face", Pose(0.68, 0.50, 0.26)),
    Phase("comes closer", 1.2, "face", Pose(0.50, 0.50, 0.40)),
    Phase("steps back", 0.8, "face", Pose(0.50, 0.45, 0.28)),
    Phase("dims", 1.0, "face", Pose(0.50, 0.45, 0.28, light=0.45)),
    Phase("brightens", 0.6, "face", Pose(0.50, 0.45, 0.28)),
    Phase("covered", 0.4, "board", Pose(0.52, 0.45, 0.28)),  # shorter than track.max_gap_s: still the same track
    Phase("uncovered", 0.8, "face", Pose(0.52, 0.45, 0.28)),
    Phase("hidden", 1.6, "board", Pose(0.55, 0.45, 0.28)),  # longer: the face has left
    Phase("returns", 1.8, "face", Pose(0.60, 0.45, 0.30)),
    Phase("leaves", 1.0, "face", Pose(1.25, 0.45, 0.30)),
    Phase("gone", 0.6, "nobody", Pose(-0.25, 0.45, 0.26)),
)
PERIOD_S = sum(phase.duration_s for phase in SCRIPT)


class Moment(Struct, frozen=True):
    """One instant of the script."""

    phase: Phase
    pose: Pose


def moment(number: int, fps: float) -> Moment:
    """What the script says of a frame."""
    left_s = (number / fps) % PERIOD_S
    before = SCRIPT[-1].pose
    for phase in SCRIPT:
        if left_s < phase.duration_s:
            progress = left_s / phase.duration_s
            eased = progress * progress * (3 - 2 * progress)
            values = (a + (b - a) * eased for a, b in zip(_values(before), _values(phase.pose), strict=True))
            return Moment(phase, Pose(*values))
        left_s -= phase.duration_s
        before = phase.pose
    return Moment(SCRIPT[-1], SCRIPT[-1].pose)  # only rounding leads here


def expected(number: int, config: SourceConfig | None = None) -> Box | None:
    """The true box of the face in a frame, in the convention of edge/detect; it may reach over the frame's edge.

    None where less than half of the face is to be seen.
    """
    config = config or SourceConfig()
    instant = moment(number, config.fps)
    if instant.phase.shows != "face":
        return None
    left, top, side = _place(instant.pose, config)
    scale = side / PORTRAIT_PX
    box = Box(
        left + FACE.x_min * scale, top + FACE.y_min * scale, left + FACE.x_max * scale, top + FACE.y_max * scale
    )
    shown = Box(max(box.x_min, 0), max(box.y_min, 0), min(box.x_max, config.width), min(box.y_max, config.height))
    visible = shown.area if shown.width > 0 and shown.height > 0 else 0.0
    return box if visible >= box.area / 2 else None


class Scene:
    """Draws the script's frames. Raises SourceError if the portrait is missing."""

    def __init__(self, config: SourceConfig) -> None:
        self._config = config
        self._portrait = cv2.imread(str(PORTRAIT), cv2.IMREAD_GRAYSCALE) if PORTRAIT.is_file() else None
        if self._portrait is None or self._portrait.shape != (PORTRAIT_PX, PORTRAIT_PX):
            raise SourceError(f"{PORTRAIT}: the demo's portrait is missing or damaged: install Mien again")
        self._mask = _soft_edges()
        self._wall = _wall(config.width, config.height)

    def render(self, number: int) -> NDArray[np.uint8]:
        """Frame of this number: luma uint8, shape (height, width), full range."""
        instant = moment(number, self._config.fps)
        picture: NDArray[Any] = self._wall.copy()
        if instant.phase.shows != "nobody":
            self._draw(picture, instant)
        if instant.pose.light != 1.0:
            picture = cv2.convertScaleAbs(picture, alpha=instant.pose.light)
        return np.asarray(picture, np.uint8)

    def _draw(self, picture: NDArray[Any], instant: Moment) -> None:
        left, top, side = _place(instant.pose, self._config)
        x_min, y_min = max(left, 0), max(top, 0)
        x_max, y_max = min(left + side, self._config.width), min(top + side, self._config.height)
        if x_min >= x_max or y_min >= y_max:
            return
        here = np.s_[y_min:y_max, x_min:x_max]
        if instant.phase.shows == "board":
            picture[here] = 96
            return
        inside = np.s_[y_min - top : y_max - top, x_min - left : x_max - left]
        method = cv2.INTER_AREA if side < PORTRAIT_PX else cv2.INTER_LINEAR
        face = cv2.resize(self._portrait, (side, side), interpolation=method)[inside]  # type: ignore[arg-type]
        mask = cv2.resize(self._mask, (side, side), interpolation=cv2.INTER_LINEAR)[inside]
        picture[here] = cv2.blendLinear(face, np.ascontiguousarray(picture[here]), mask, 1 - mask)


class DemoSource:
    """The script, for ever: with `source.realtime` as a camera would show it, else as fast as it is read."""

    name = "demo"

    def __init__(self, config: SourceConfig, clock: Clock) -> None:
        self.live = config.realtime
        self.dropped = 0
        self._config = config
        self._clock = clock
        self._scene = Scene(config)
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[Frame]:
        pace = Pace(self._clock, realtime=self._config.realtime)
        for number in itertools.count():
            position_s = number / self._config.fps
            if pace.is_late(position_s, 1 / self._config.fps):
                self.dropped += 1
                continue
            luma = self._scene.render(number)
            if not pace.wait(position_s, self._closed):
                return
            yield Frame(luma, pace.clock_s(position_s), self._clock.epoch(), number)

    def close(self) -> bool:
        self._closed.set()
        return True


def open_source(config: SourceConfig, clock: Clock | None = None) -> DemoSource:
    """The demo. Raises SourceError if the portrait is missing."""
    return DemoSource(config, clock or SystemClock())


def find(_config: SourceConfig) -> str | None:
    """The demo is always there."""
    return DemoSource.name


def _values(pose: Pose) -> tuple[float, float, float, float]:
    return pose.x, pose.y, pose.size, pose.light


def _place(pose: Pose, config: SourceConfig) -> tuple[int, int, int]:
    """(left, top, side) of the portrait in whole pixels of the frame."""
    side = round(pose.size * min(config.width, config.height) * PORTRAIT_PX / FACE.height)
    x, y = FACE.centre
    scale = side / PORTRAIT_PX
    return round(pose.x * config.width - x * scale), round(pose.y * config.height - y * scale), side


def _soft_edges() -> NDArray[np.float32]:
    """Weight of the portrait's pixels, 0 at its border and 1 within, so that no frame is seen around it."""
    to_border = 0.5 - np.abs((np.arange(PORTRAIT_PX) + 0.5) / PORTRAIT_PX - 0.5)
    ramp = np.clip(to_border / 0.15, 0, 1)
    return np.outer(ramp, ramp).astype(np.float32)


def _wall(width: int, height: int) -> NDArray[np.uint8]:
    """A room with nobody in it: an uneven wall, a bright window, a dark shelf, and some grain."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    wall = 190 - 36 * y + 10 * x + 6 * np.sin(9 * x + 4 * y)
    wall[(x > 0.80) & (x < 0.96) & (y > 0.08) & (y < 0.34)] = 238
    wall[(x < 0.22) & (y > 0.80) & (y < 0.86)] = 40
    wall = cv2.GaussianBlur(wall, (0, 0), max(width, height) / 320)
    grain = np.random.default_rng(0).normal(0, 2, wall.shape)
    return np.asarray(np.clip(wall + grain, 0, 255).round(), np.uint8)
