"""What the control socket's commands do, in words that `mien status`, `mien privacy` and friends print."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from edge.errors import ControlError
from edge.messages import Phase
from edge.stages import LATENCY

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.control import Commands
    from edge.core import Core

CAMERA_CLOSED_S = 10.0
"""So long `privacy on` waits for the loop to say that the camera is closed."""


def commands(core: Core, *, reload: Callable[[], str], use_model: Callable[[str], str]) -> Commands:
    """Name -> what it does. `reload` and `use_model` give a line for people, or raise what is wrong."""

    def privacy(request: dict[str, Any]) -> Any:
        on = request.get("on")
        if isinstance(on, bool):
            core.privacy.set(on, by=str(request.get("by", "command"))[:64])
            core.requests.wake.set()
            if on and not core.state.wait_for(Phase.PRIVATE, CAMERA_CLOSED_S):
                raise ControlError(f"privacy is on, but after {CAMERA_CLOSED_S:g} s the camera is not closed")
        elif on is not None:
            raise ControlError(f"privacy: on = {on}: must be true, false or left out")
        return {**msgspec.to_builtins(core.privacy.switched), "phase": core.state.phase}

    def model(request: dict[str, Any]) -> Any:
        name = request.get("name")
        if not isinstance(name, str) or not name:
            raise ControlError("model: name: must be a bundled model's name or a file")
        return use_model(name)

    return {
        "privacy": privacy,
        "status": lambda _request: status(core),
        "reload": lambda _request: reload(),
        "model": model,
    }


def status(core: Core) -> dict[str, Any]:
    """Everything that there is to say at a glance."""
    now, totals = core.state.status, core.stages.totals()
    return {
        "phase": now.phase,
        "note": now.note,
        "seconds": round(max(0.0, time.monotonic() - now.since_s), 1),
        "reduced": now.reduced,
        "privacy": msgspec.to_builtins(core.privacy.switched),
        **msgspec.to_builtins(core.counts),
        "mean_ms": {
            name: round(1000 * total.sum_s / total.count, 3)
            for name, total in totals.items()
            if total.count and name != LATENCY
        },
        "latency_ms": {
            f"p{share}": round(1000 * totals[LATENCY].quantile_s(share / 100), 1)
            for share in (50, 95)
            if totals[LATENCY].count
        },
    }
