"""What a conversion can fail of; each message is one line that a user can act on."""

from edge.errors import MienError


class ConversionError(MienError, ValueError):
    """A model that cannot be converted as asked. The message names the file and the part."""


class DataError(MienError, ValueError):
    """Samples that cannot calibrate or judge a model. The message names the file and the rule."""


class OutputError(MienError, OSError):
    """A file that cannot be written. The message names it and says why."""
