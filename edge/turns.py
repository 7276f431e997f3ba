"""Whose face is classified next: a few a frame, those who waited longest first, every other time mirrored."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.messages import Track


class Turn(NamedTuple):
    """A face to classify now."""

    track: Track
    mirrored: bool


class Turns:
    """Remembers of each track in view when it was classified last and how often."""

    def __init__(self) -> None:
        self._given = 0
        self._last: dict[str, tuple[int, int]] = {}  # track id -> (its last turn's number, how many it had)

    def choose(self, tracks: Sequence[Track], most: int) -> list[Turn]:
        """At most so many of those that are visible. Who is new comes first, then who waited longest."""
        self._last = {track.id: self._last.get(track.id, (0, 0)) for track in tracks}
        visible = [track for track in tracks if track.visible]
        if len(visible) > most:
            visible = sorted(visible, key=lambda track: self._last[track.id][0])[:most]
        turns = []
        for track in visible:
            times = self._last[track.id][1]
            self._given += 1
            self._last[track.id] = self._given, times + 1
            turns.append(Turn(track, mirrored=times % 2 == 1))
        return turns
