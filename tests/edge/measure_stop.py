"""How long a stop takes in each phase, from SIGTERM to the process's end: python tests/edge/measure_stop.py [TIMES]

The real program; everything published where there are frames (page, history, MQTT with nobody at the broker).
"""

from __future__ import annotations

import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

import test_ends
from test_ends import SOURCES, in_phase

ALL_ON = ["--set", "web.enabled=true", "--set", "web.port=0", "--set", "history.enabled=true"]
ALL_ON += ["--set", "mqtt.enabled=true", "--set", "mqtt.port=1"]


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    test_ends.RUN += ALL_ON
    for phase in SOURCES:
        took_s = []
        for _ in range(times):
            with tempfile.TemporaryDirectory() as name, in_phase(Path(name), phase) as program:
                began_s = time.monotonic()
                assert program.end(signal.SIGTERM) == 0
                took_s.append(time.monotonic() - began_s)
        sys.stdout.write(
            f"{phase}: median {statistics.median(took_s):.2f} s, longest {max(took_s):.2f} s of {times}\n"
        )


if __name__ == "__main__":
    main()
