"""Following faces: from the boxes of single frames to tracks that keep one id while a face is in view.

Source of the idea: IoU tracking, Bochinski et al. 2017. A find that overlaps no track's place but lies within one
face's length of it still continues that track, so that a quick move or a slow camera does not end it; a track's
place is where its last movement has taken it by now, so that faces that cross keep their ids.
"""

from __future__ import annotations

import math
import secrets
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from edge.messages import Box, Track

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from edge.config import TrackConfig
    from edge.messages import Face

SIZE_RATIO_MAX = 2.0
"""A face does not double its size between two frames; a find that did is another face."""
MISSES_MIN, MISSED_GAPS = 2, 2
"""One look without a find does not end a track, even if the look before it was max_gap_s ago; twice that does."""
FORESIGHT_S = 0.5
"""For so long a movement is taken to go on."""
FEW_PAIRS = 36
"""For so few numpy takes longer to begin than Python to end."""
STILL_PER_S = 0.5
"""Slower than this many of its own widths a second a face stands still, and its box only trembles."""


class Speed(Struct, frozen=True):
    """Of a box's centre, in pixels a second."""

    x: float = 0.0
    y: float = 0.0


class Followed(Struct):
    """A track, its movement, and how many looks in a row have missed it."""

    track: Track
    speed: Speed
    misses: int = 0

    def place(self, time_s: float) -> Box:
        """Where its face is likely to be at that time."""
        box = self.track.face.box
        ahead_s = min(max(0.0, time_s - self.track.seen_s), FORESIGHT_S)
        if math.hypot(self.speed.x, self.speed.y) < STILL_PER_S * box.width:
            return box
        x, y = self.speed.x * ahead_s, self.speed.y * ahead_s
        return Box(box.x_min + x, box.y_min + y, box.x_max + x, box.y_max + y)


def random_id() -> str:
    """Six hexadecimal digits: enough to tell the faces in view apart, and worth nothing as an identity."""
    return secrets.token_hex(3)


class Tracker:
    """Tracks of one source. Its clock is the frames' own; where that steps back, no time has passed."""

    def __init__(self, config: TrackConfig, new_id: Callable[[], str] = random_id) -> None:
        self._config = config
        self._new_id = new_id
        self._followed: list[Followed] = []
        self._time_s: float | None = None

    @property
    def follows(self) -> bool:
        """Whether there is any track, even one not confirmed yet."""
        return bool(self._followed)

    def update(self, time_s: float, faces: Sequence[Face]) -> list[Track]:
        """All confirmed tracks after a frame; `visible` ones were found in it, the others are missed for now."""
        self._follow_clock(time_s)
        places = [followed.place(time_s) for followed in self._followed]
        pairs = match(places, [face.box for face in faces], self._config.min_iou)
        kept = []
        for number, followed in enumerate(self._followed):
            if number in pairs:
                kept.append(continued(followed, faces[pairs[number]], time_s))
            elif not self._is_lost(followed, time_s):
                kept.append(Followed(replace(followed.track, visible=False), followed.speed, followed.misses + 1))
        taken = set(pairs.values())
        kept += [
            Followed(Track(self._unused_id(), face, since_s=time_s, seen_s=time_s, hits=1, visible=True), Speed())
            for number, face in enumerate(faces)
            if number not in taken
        ]
        self._followed = kept
        return self._confirmed()

    def carry(self, time_s: float) -> list[Track]:
        """All confirmed tracks after a frame in which nobody looked for faces, moved to where they are likely."""
        self._follow_clock(time_s)
        return [
            replace(track, face=replace(track.face, box=followed.place(time_s)))
            for followed in self._followed
            if (track := followed.track).hits >= self._config.min_hits
        ]

    def forget(self) -> None:
        """No frames come any more: whoever comes later is somebody new."""
        self._followed = []
        self._time_s = None

    def _confirmed(self) -> list[Track]:
        return [followed.track for followed in self._followed if followed.track.hits >= self._config.min_hits]

    def _is_lost(self, followed: Followed, time_s: float) -> bool:
        gaps = (time_s - followed.track.seen_s) / self._config.max_gap_s
        return gaps > MISSED_GAPS or (gaps > 1 and followed.misses + 1 >= MISSES_MIN)

    def _unused_id(self) -> str:
        used = {followed.track.id for followed in self._followed}
        while (name := self._new_id()) in used:
            pass
        return name

    def _follow_clock(self, time_s: float) -> None:
        step_s = 0.0 if self._time_s is None else time_s - self._time_s
        self._time_s = time_s
        if step_s < 0:
            for followed in self._followed:
                track = followed.track
                followed.track = replace(track, since_s=track.since_s + step_s, seen_s=track.seen_s + step_s)


def continued(followed: Followed, face: Face, time_s: float) -> Followed:
    """The track after it was found again."""
    track = followed.track
    passed_s = time_s - track.seen_s
    speed = followed.speed
    if passed_s > 0:
        (x, y), (found_x, found_y) = track.face.box.centre, face.box.centre
        now = Speed((found_x - x) / passed_s, (found_y - y) / passed_s)
        # The mean of what it was and is: a box trembles.
        speed = Speed((speed.x + now.x) / 2, (speed.y + now.y) / 2) if track.hits > 1 else now
    return Followed(replace(track, face=face, seen_s=time_s, hits=track.hits + 1, visible=True), speed)


def match(places: Sequence[Box], found: Sequence[Box], min_iou: float) -> dict[int, int]:
    """Number of the place -> number of the find that continues it: the closest pairs first, each used once."""
    if not places or not found:
        return {}
    if len(places) * len(found) <= FEW_PAIRS:
        close = np.array([[nearness(place, find, min_iou) for find in found] for place in places])
    else:
        close = closeness(as_rows(places), as_rows(found), min_iou)
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    candidates = np.flatnonzero(close)
    for candidate in candidates[np.argsort(-close.flat[candidates], kind="stable")]:
        place, find = divmod(int(candidate), len(found))
        if place not in pairs and find not in taken:
            pairs[place] = find
            taken.add(find)
    return pairs


def nearness(place: Box, find: Box, min_iou: float) -> float:
    """Above 1 for boxes that overlap enough, 0..1 for near ones, 0 for strangers."""
    iou = place.iou(find)
    if iou >= min_iou:
        return 1 + iou
    smaller, larger = sorted((math.sqrt(max(place.area, 1e-9)), math.sqrt(max(find.area, 1e-9))))
    if larger > SIZE_RATIO_MAX * smaller:
        return 0.0
    (x, y), (found_x, found_y) = place.centre, find.centre
    return max(0.0, 1 - math.hypot(found_x - x, found_y - y) / larger)


def as_rows(boxes: Sequence[Box]) -> NDArray[np.float64]:
    """Shape (n, 4): x_min, y_min, x_max, y_max."""
    return np.array([(box.x_min, box.y_min, box.x_max, box.y_max) for box in boxes], np.float64)


def closeness(places: NDArray[np.float64], found: NDArray[np.float64], min_iou: float) -> NDArray[np.float64]:
    """Shape (places, found): `nearness` of each pair. For two hundred faces 40,000 calls would take too long."""
    a, b = places[:, None], found[None]
    shared = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    overlap = np.clip(shared, 0, None).prod(axis=-1)
    area_a, area_b = (np.maximum((rows[..., 2:] - rows[..., :2]).prod(axis=-1), 1e-9) for rows in (a, b))
    iou = overlap / (area_a + area_b - overlap)
    smaller, larger = np.sqrt(np.minimum(area_a, area_b)), np.sqrt(np.maximum(area_a, area_b))
    between = (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2
    near = np.clip(1 - np.hypot(between[..., 0], between[..., 1]) / larger, 0, None)
    near[larger > SIZE_RATIO_MAX * smaller] = 0
    return np.where(iou >= min_iou, 1 + iou, near)
