"""The emulated Raspberry Pi: programs of an arm64 Debian, run by qemu-user as the processor of one Pi or another.

setup.sh builds what it needs. Only the standard library is used, so that count.py runs under any Python.
"""

from __future__ import annotations

import functools
import os
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
SETUP = "sudo tests/pi/setup.sh"
PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}
PROCESSORS = {"a53": "Zero 2 W and Pi 3", "a72": "Pi 4", "a76": "Pi 5"}
WARM_UPS = 1
"""Runs that are not counted: the first one also sets things up."""


class EmulationError(RuntimeError):
    """What ran in the emulated Pi failed; the message is its last line."""


class Count(NamedTuple):
    """Executed instructions of what is marked: the median of several runs, and how far apart those lie.

    dot_products: SDOT and UDOT among them; 0 on a processor that has none.
    """

    instructions: int
    dot_products: int
    spread: int


def cache() -> Path:
    """Where setup.sh keeps what it builds."""
    chosen = os.environ.get("MIEN_PI_CACHE")
    if chosen:
        return Path(chosen).resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mien-pi"


def lacking(suite: str = "bookworm") -> str:
    """What must be there to run programs and is not; "" if nothing."""
    if shutil.which("qemu-aarch64") is None:
        return f"qemu-aarch64 is missing: {SETUP}"
    if not (cache() / suite / "stamp").is_file():
        return f"no emulated {suite} in {cache()}: {SETUP}"
    return ""


def lacking_to_count() -> str:
    """What must be there to count instructions and is not; "" if nothing."""
    if lacking():
        return lacking()
    if not (cache() / "icount.so").is_file():
        return f"no icount.so in {cache()}: {SETUP}"
    if not _takes_plugins():
        return "this qemu-aarch64 takes no such plugin: Debian 12's (7.2) does"
    return ""


@functools.cache
def _takes_plugins() -> bool:
    """Whether qemu loads the counter; Debian 13's is built without plugins."""
    return run_python("a53", "-S", "-c", "", marks=Path(os.devnull)).returncode == 0


def run_python(
    processor: str, *arguments: str, suite: str = "bookworm", marks: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the emulated Pi's Python with this project and its locked packages on the path.

    Absolute paths lead into the emulated system first and, where it has no such file, into this one.
    marks: count instructions and write icount.c's lines there.
    """
    view = cache() / suite / processor
    program = view / "usr/bin" / f"python{PYTHONS[suite]}"
    counting = [] if marks is None else ["-plugin", f"file={cache()}/icount.so,out={marks}"]
    # Nothing else of the caller's environment gets in; a fixed hash seed makes runs repeatable.
    environment = {
        # By their path in this system: within the view OpenCV's loader trips over the links.
        "PYTHONPATH": f"{cache() / suite}/system/opt/mien:{PROJECT}",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "PATH": "/usr/bin:/bin",
    }
    return subprocess.run(
        ["qemu-aarch64", "-L", view, "-cpu", f"cortex-{processor}", *counting, program, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def run_script(
    processor: str, script: str, *arguments: str, suite: str = "bookworm", marks: Path | None = None
) -> list[str]:
    """The words that a script of this folder prints. Raises EmulationError."""
    done = run_python(processor, str(HERE / script), *arguments, suite=suite, marks=marks)
    if done.returncode != 0:
        last = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
        raise EmulationError(f"{script} {' '.join(arguments)} on {processor}: {last}")
    return done.stdout.split()


def count(processor: str, script: str, *arguments: str, runs: int = 3) -> Count:
    """Executed aarch64 instructions of what a script of this folder marks; it takes the number of runs last.

    Raises EmulationError.
    """
    with tempfile.TemporaryDirectory() as folder:
        marks = Path(folder) / "marks"
        run_script(processor, script, *arguments, str(runs + WARM_UPS), marks=marks)
        lines = [[int(word) for word in line.split()] for line in marks.read_text().splitlines()]
    pairs = zip(lines[::2], lines[1::2], strict=True)
    between = [(after[1] - before[1], after[2] - before[2]) for before, after in pairs][WARM_UPS:]
    instructions, dot_products = zip(*between, strict=True)
    return Count(round(statistics.median(instructions)), dot_products[-1], max(instructions) - min(instructions))
