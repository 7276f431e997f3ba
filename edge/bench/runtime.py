"""Which of the two TFLite runtimes is measured, where both are installed."""

from __future__ import annotations

from edge.errors import ConfigError
from edge.model import interpreter


def choose_runtime(name: str) -> None:
    """Models run in this one from now on, in this process. Raises ConfigError, MissingPackageError."""
    chosen = tuple(runtime for runtime in interpreter.RUNTIMES if runtime[0] == name)
    if not chosen:
        known = ", ".join(known for known, _ in interpreter.RUNTIMES)
        raise ConfigError(f"--runtime {name}: must be one of {known}")
    interpreter.RUNTIMES = chosen  # type: ignore[assignment]
    interpreter.find_runtime()
