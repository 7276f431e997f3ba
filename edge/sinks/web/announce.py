"""Tells the local network where the page is (DNS-SD, RFC 6763), by Avahi where it runs."""

from __future__ import annotations

import contextlib
import logging
import shutil
import subprocess

log = logging.getLogger("mien.web")

PROGRAM = "avahi-publish-service"
GOODBYE_S = 1.0


class Announcement:
    """Holds while it is open. Without Avahi there is none, and the page works all the same."""

    def __init__(self, name: str, port: int) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        program = shutil.which(PROGRAM)
        if program is None:
            log.info("web: not announced: %s is not installed (avahi-utils)", PROGRAM)
            return
        # `path` is what browsers of services open. The name says what it is, not who is in view.
        words = [program, name, "_http._tcp", str(port), "path=/"]
        quiet = subprocess.DEVNULL
        try:
            self._process = subprocess.Popen(words, stdin=quiet, stdout=quiet, stderr=quiet, close_fds=True)
        except OSError as error:
            log.warning("web: not announced: %s: %s", program, error.strerror)

    @property
    def holds(self) -> bool:
        """Whether it is told just now."""
        return self._process is not None and self._process.poll() is None

    def close(self) -> None:
        """May be called twice."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(GOODBYE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GOODBYE_S)
