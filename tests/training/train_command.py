"""The command mien-train in this process, as the shell sees it: its status and what it said."""

from __future__ import annotations

import sys
from typing import NamedTuple

import pytest

from training.cli import main


class Told(NamedTuple):
    """status: of the exit. out, err: what stood on standard output and standard error."""

    status: int
    out: str
    err: str

    def the_line(self) -> str:
        """The one line in which a mistake is told. Fails if there is none, or more."""
        # Keras and TensorFlow may have said something before; the command's own word is one line.
        own = [line for line in self.err.splitlines() if line.startswith("mien-train: ")]
        assert (self.status, len(own)) == (2, 1), self
        assert "Traceback" not in self.err
        return own[0]


def mien_train(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: object) -> Told:
    """Call it with these words."""
    capfd.readouterr()
    monkeypatch.setattr(sys, "argv", ["mien-train", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return Told(int(ended.value.code or 0), *capfd.readouterr())
