"""A QR code for the terminal, so that a telephone's camera can read the page's address."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.machine import Refusal, ask
from deploy.wheels import EXACT, QUIET, any_pip

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCK = Path(__file__).resolve().parents[2] / "requirements/segno.lock"
DRAW = "import segno, sys; segno.make_qr(sys.stdin.read()).terminal(compact=True)"
PATIENCE = ("--retries", "1", "--timeout", "10")


def draw(text: str) -> str:
    """The QR code in lines of blocks, by segno, which is fetched for this one use where it is missing.

    Raises Refusal where it cannot be fetched either. The text may be a secret: it only goes through a pipe.
    """
    try:
        return by_segno(text, {})
    except Refusal:
        with tempfile.TemporaryDirectory() as folder:
            return by_segno(text, {"PYTHONPATH": str(fetch(Path(folder)))})


def by_segno(text: str, variables: Mapping[str, str]) -> str:
    """By the segno that this Python finds. Raises Refusal."""
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", **variables}
    done = subprocess.run(
        [sys.executable, "-P", "-s", "-c", DRAW],
        env=environment, input=text, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise Refusal((done.stderr.strip().splitlines() or ["segno failed"])[-1])
    return done.stdout


def fetch(folder: Path) -> Path:
    """The locked wheel, which Python runs as it is. Raises Refusal."""
    pip = any_pip(sys.executable)
    ask(*pip, "download", *QUIET, *PATIENCE, *EXACT, "--dest", str(folder), "-r", str(LOCK), what="fetching segno")
    return next(folder.glob("segno-*.whl"))
