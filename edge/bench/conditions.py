"""How the machine stands before and after a run, and how busy others keep it meanwhile."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from edge import board, vitals
from edge.bench.result import Condition
from edge.errors import MienError

if TYPE_CHECKING:
    from collections.abc import Callable

BUSY_CORES = 0.15
"""So much of one processor may the rest of the machine take: a desktop at rest stays below."""
WAITED_SHARE = 0.02
LOOK_S = 1.0
CPU0 = "sys/devices/system/cpu/cpu0/cpufreq"


class BusyError(MienError, RuntimeError):
    """The machine is not fit to be measured now. The message says why and what to do."""


def own_s() -> float:
    """Processor time of this process and of those it started and saw end, in seconds."""
    return sum(os.times()[:4])


class Load:
    """How many processors others keep busy, from one look at the kernel's counts to the next."""

    def __init__(self, root: Path = Path("/"), clock: Callable[[], float] = own_s) -> None:
        self._root = root
        self._clock = clock
        self._last = self._counts()

    def others_cores(self) -> float | None:
        """Since the last call, or since this was made; None where the kernel does not say."""
        before, now = self._last, self._counts()
        self._last = now
        if before is None or now is None or now[1] <= before[1]:
            return None
        busy, total, own_s = (later - earlier for earlier, later in zip(before, now, strict=True))
        ticks = os.sysconf("SC_CLK_TCK")
        passed_s = total / ticks / _processors(self._root)
        return round(max(0.0, (busy / ticks - own_s) / passed_s), 2)

    def _counts(self) -> tuple[float, float, float] | None:
        """(busy ticks, all ticks, own seconds); user nice system idle iowait irq softirq steal, proc(5)."""
        try:
            first = (self._root / "proc/stat").read_text().splitlines()[0].split()[1:9]
            user, nice, system, idle, iowait, irq, softirq, steal = (int(word) for word in first)
        except (OSError, ValueError, IndexError):
            return None
        busy = user + nice + system + irq + softirq + steal
        return busy, busy + idle + iowait, self._clock()


def look(load: Load, root: Path = Path("/")) -> Condition:
    """The machine now; others' work counts since the last look."""
    throttled, since_boot = _throttling(root)
    return Condition(
        governor=_word(root / CPU0 / "scaling_governor"),
        mhz=_mhz(root),
        celsius=vitals.warmest_celsius(root),
        throttled=throttled,
        throttled_since_boot=since_boot,
        others_cores=load.others_cores(),
    )


def complaints(before: Condition, after: Condition | None = None) -> list[str]:
    """Why a run that began so, and ended so, must not be quoted as it is."""
    found = []
    if before.throttled:
        found.append(f"throttled before it began: {', '.join(before.throttled)}")
    if (before.others_cores or 0.0) > BUSY_CORES:
        found.append(f"busy before it began: others kept {before.others_cores:.2f} processors at work")
    if after is None:
        return found
    new = [word for word in after.throttled_since_boot if word not in before.throttled_since_boot]
    if during := [*dict.fromkeys((*after.throttled, *new))]:
        found.append(f"throttled while it ran: {', '.join(during)}")
    if (after.others_cores or 0.0) > BUSY_CORES:
        found.append(f"busy while it ran: others kept {after.others_cores:.2f} processors at work")
    return found


def prove_quiet(before: Condition) -> None:
    """Raises BusyError if the machine is busy or slowed down."""
    if found := complaints(before):
        raise BusyError(
            f"{'; '.join(found)} (at most {BUSY_CORES:g} are allowed): wait until it is quiet and cool, "
            "or measure --anyway and have the result marked"
        )


def waited_s() -> float | None:
    """How long this thread has stood ready while others ran; None where the kernel does not say (proc(5))."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return None


def _throttling(root: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    try:
        found = board.throttling()
    except OSError:
        return (("throttled",) if vitals.is_throttled(root) else ()), ()
    return found.now, found.since_boot


def _mhz(root: Path) -> float | None:
    khz = _word(root / CPU0 / "scaling_cur_freq")
    if khz is not None and khz.isdigit():
        return int(khz) / 1000
    try:
        for line in (root / "proc/cpuinfo").read_text().splitlines():
            if line.startswith("cpu MHz"):
                return float(line.partition(":")[2])
    except (OSError, ValueError):
        pass
    return None


def _processors(root: Path) -> int:
    lines = (root / "proc/stat").read_text().splitlines()
    return max(1, sum(line.startswith("cpu") and line[3:4].isdigit() for line in lines))


def _word(file: Path) -> str | None:
    try:
        return file.read_text().strip()
    except OSError:
        return None
