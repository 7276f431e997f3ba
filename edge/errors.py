"""What can go wrong through no fault of the code: each message is one line a user can act on.

Every error also inherits the builtin it refines, so that callers who know only Python can catch it.
"""


class MienError(Exception):
    """The root: the commands print its message as one line and exit with `status`."""

    status = 2


class ConfigError(MienError, ValueError):
    """A setting that breaks its rule. The message names value, key path and rule."""


class SourceError(MienError, OSError):
    """A camera, file or folder that cannot be read. The message names it and says why."""


class ModelError(MienError, ValueError):
    """A model file that does not prove itself. The message names the file and the proof that failed."""


class SinkError(MienError, OSError):
    """A file or address that cannot be published to. The message names it and says why."""


class PrivacyError(MienError, OSError):
    """The privacy switch's file cannot be written. The message names it and says what holds now."""


class ControlError(MienError, RuntimeError):
    """A command that the running service refused, did not answer, or could not be asked."""


class AgainError(MienError, RuntimeError):
    """The service ended in order to be started again. The message says why."""

    status = 75  # EX_TEMPFAIL of sysexits.h


class StuckError(AgainError):
    """A driver's call does not come back: only the end of the process lets go of the camera."""


class MissingPackageError(MienError, ImportError):
    """A Python package that an optional part needs. The message says how to get it."""
