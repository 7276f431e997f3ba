"""Why a result must not be quoted as it is: the rules, held against what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.bench.conditions import WAITED_SHARE, complaints

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.bench.result import Condition, SceneResult

ROUNDS, SCENE_S = 5, 10.0
"""After MLPerf Tiny, which asks for five runs and ten seconds."""


def marks(
    before: Condition, after: Condition | None, scenes: Sequence[SceneResult], *, complete: bool
) -> list[str]:
    """None for a run by the rules. after: None while it still runs."""
    found = [] if complete else ["interrupted: only what was measured by then"]
    found += complaints(before, after)
    waited = max((scene.waited_share or 0.0 for scene in scenes), default=0.0)
    if waited > WAITED_SHARE:
        found.append(f"others ran while it stood ready, up to {waited:.0%} of a scene's time")
    if any(len(scene.rounds_p50_ms) < ROUNDS or scene.seconds < SCENE_S for scene in scenes):
        found.append(f"shorter than the rules ask ({ROUNDS} rounds, {SCENE_S:g} s a scene)")
    return found
