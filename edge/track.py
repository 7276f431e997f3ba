"""Following faces: from the boxes of single frames to tracks that keep one id while a face is in view.

Source of the idea: IoU tracking, Bochinski et al. 2017. A find that overlaps no last place but lies within one
face's length of it still continues that track, so that a quick move or a slow camera does not end it.
"""

from __future__ import annotations

import math
import secrets
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from edge.messages import Face, Track

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.config import TrackConfig
    from edge.messages import Box

SIZE_RATIO_MAX = 2.0
"""A face does not double its size between two frames; a find that did is another face."""


class Candidate(Struct, frozen=True):
    """A possible continuation of track `track` by face `face`; higher is better."""

    closeness: float
    track: int
    face: int


def random_id() -> str:
    """Six hexadecimal digits: enough to tell the faces in view apart, and worth nothing as an identity."""
    return secrets.token_hex(3)


class Tracker:
    """Tracks of one source. Its clock is the frames' own; where that steps back, no time has passed."""

    def __init__(self, config: TrackConfig, new_id: Callable[[], str] = random_id) -> None:
        self._config = config
        self._new_id = new_id
        self._tracks: list[Track] = []
        self._time_s: float | None = None

    def update(self, time_s: float, faces: Sequence[Face]) -> list[Track]:
        """All confirmed tracks after a frame; `visible` ones were found in it, the others are missed for now."""
        self._follow_clock(time_s)
        pairs = self._match(faces)
        tracks = []
        for number, track in enumerate(self._tracks):
            if number in pairs:
                face = faces[pairs[number]]
                tracks.append(replace(track, face=face, seen_s=time_s, hits=track.hits + 1, visible=True))
            elif time_s - track.seen_s <= self._config.max_gap_s:
                tracks.append(replace(track, visible=False))
        taken = set(pairs.values())
        tracks += [
            Track(self._new_id(), face, since_s=time_s, seen_s=time_s, hits=1, visible=True)
            for number, face in enumerate(faces)
            if number not in taken
        ]
        self._tracks = tracks
        return [track for track in tracks if track.hits >= self._config.min_hits]

    def _follow_clock(self, time_s: float) -> None:
        step_s = 0.0 if self._time_s is None else time_s - self._time_s
        self._time_s = time_s
        if step_s < 0:
            self._tracks = [
                replace(track, since_s=track.since_s + step_s, seen_s=track.seen_s + step_s)
                for track in self._tracks
            ]

    def _match(self, faces: Sequence[Face]) -> dict[int, int]:
        """Track number -> face number, the closest pairs first, each used once."""
        candidates = [
            Candidate(closeness, t, f)
            for t, track in enumerate(self._tracks)
            for f, face in enumerate(faces)
            if (closeness := self._closeness(track.face.box, face.box)) > 0
        ]
        pairs: dict[int, int] = {}
        taken: set[int] = set()
        for candidate in sorted(candidates, key=lambda c: c.closeness, reverse=True):
            if candidate.track not in pairs and candidate.face not in taken:
                pairs[candidate.track] = candidate.face
                taken.add(candidate.face)
        return pairs

    def _closeness(self, last: Box, found: Box) -> float:
        """Above 1 for boxes that overlap enough, 0..1 for near ones, 0 for strangers."""
        iou = last.iou(found)
        if iou >= self._config.min_iou:
            return 1 + iou
        sizes = math.sqrt(max(last.area, 1e-9)), math.sqrt(max(found.area, 1e-9))
        if max(sizes) > SIZE_RATIO_MAX * min(sizes):
            return 0.0
        (x, y), (found_x, found_y) = last.centre, found.centre
        return max(0.0, 1 - math.hypot(found_x - x, found_y - y) / max(sizes))
