"""From the rounds of a scene to its result; and how many of its faces are found, which no clock watches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.bench.record import END_TO_END, curve, timing
from edge.bench.result import SceneResult
from edge.stages import LATENCY, STAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.bench.measure import Round
    from edge.bench.scenes import Scene
    from edge.detect import Detector
    from edge.messages import Box

IOU = 0.5
"""So much must a found box have in common with a shown one."""


def summarize(
    name: str, faces: int | None, rounds: Sequence[Round], found: tuple[float, float] | None = None
) -> SceneResult:
    """All rounds together; of a live camera the time from the sensor's time stamp is the one end to end.

    found: (faces found, false boxes) a frame. rounds: at least one.
    """
    total = LATENCY if rounds[0].times[LATENCY] else END_TO_END
    ends = [value for each in rounds for value in each.times[total]]
    frames, wall_s = len(ends), sum(each.wall_s for each in rounds)
    waited = [each.waited_s for each in rounds]
    stages = {}
    for stage in STAGES:
        taken = [value for each in rounds for value in each.times[stage]]
        if taken:
            stages[stage] = timing(taken)
    return SceneResult(
        name=name,
        size=rounds[0].size,
        faces=faces,
        found=None if found is None else found[0],
        false_boxes=None if found is None else found[1],
        frames=frames,
        seconds=round(wall_s, 3),
        fps=round(frames / wall_s, 2),
        cpu_ms=round(1e3 * sum(each.cpu_s for each in rounds) / frames, 4),
        waited_share=None if None in waited else round(sum(w for w in waited if w is not None) / wall_s, 4),
        stages=stages,
        end_to_end=timing(ends),
        rounds_p50_ms=[timing(each.times[total]).p50_ms for each in rounds],
        curve_ms=curve(ends),
    )


def faces_found(detector: Detector, scene: Scene) -> tuple[float, float]:
    """(faces found, false boxes), means over the scene's pictures."""
    hits = wrong = 0
    for picture, shown in zip(scene.pictures, scene.boxes, strict=True):
        boxes = [face.box for face in detector.detect(picture)]
        right = matched(boxes, shown)
        hits += right
        wrong += len(boxes) - right
    return round(hits / len(scene.pictures), 2), round(wrong / len(scene.pictures), 2)


def matched(boxes: Sequence[Box], shown: Sequence[Box]) -> int:
    """How many of the shown boxes one of these covers; each covers one at most."""
    left = list(boxes)
    right = 0
    for box in shown:
        best = max(left, key=box.iou, default=None)
        if best is not None and box.iou(best) >= IOU:
            left.remove(best)
            right += 1
    return right
