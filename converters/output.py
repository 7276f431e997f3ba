"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from converters.errors import OutputError
from edge.errors import MienError


def check_output(path: Path, *, force: bool) -> None:
    """Raises OutputError, before any work is done, if a file could not be written there."""
    if path.is_dir():
        raise OutputError(f"{path}: is a folder")
    if path.exists() and not force:
        raise OutputError(f"{path}: exists already: choose another name, or --force to replace it")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: its folder {path.parent} does not exist")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: its folder {path.parent} cannot be written to")


def write_whole(path: Path, content: bytes, *, force: bool, prove: Callable[[Path], object] | None = None) -> None:
    """Writes beside the path, proves the file there, then renames it; nothing is left behind on failure.

    prove: raises on a file that is not what it should be. Raises OutputError if the file cannot be written.
    """
    check_output(path, force=force)
    temporary: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix, delete=False
        ) as file:
            temporary = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        if prove is not None:
            prove(temporary)
        temporary.replace(path)
    except MienError as error:  # the user never saw the temporary name
        raise type(error)(str(error).replace(str(temporary), str(path))) from error
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
