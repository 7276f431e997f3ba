"""What a service that has just started shares with its sinks."""

from __future__ import annotations

from pathlib import Path

from edge.core import Core, Model
from edge.model.package import DEFAULT_MODEL
from edge.privacy import Privacy


def fresh_core(folder: Path | str = "/nowhere") -> Core:
    """Its privacy switch is off; where a folder is given it can be turned. It classifies with the default model."""
    return Core(Privacy(Path(folder) / "privacy.json"), model=Model(DEFAULT_MODEL, "1"))
