"""What publishing costs: processor time of the real command, everything published against nothing, side by side.

    python tests/edge/sinks/measure_publishing.py [FRAMES]

Both play the demo at 15 frames a second at the same time, so that whatever else the machine does meets both. On:
JSON lines to a file, the page (nobody watches), MQTT to a real Mosquitto, the history. Off: none of them. The
start, measured by a run of one frame, is taken off.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from mosquitto import Mosquitto, mosquitto

FRAMES = 900
COMMON = ["source.loop=true", "jsonl.stdout=false", "service.control=false"]
COMMON += ["adapt.max_load=0", "adapt.hot_celsius=0"]  # both are to do the same work, however busy the machine is
OFF = [*COMMON, "web.enabled=false"]


def on(folder: Path, broker: Mosquitto) -> list[str]:
    return [
        *COMMON,
        "web.port=0",
        f"jsonl.file={folder}/events.jsonl",
        "mqtt.enabled=true",
        f"mqtt.port={broker.port}",
        "history.enabled=true",
        f"history.file={folder}/history.db",
    ]


def start(changes: list[str], frames: int, folder: Path) -> subprocess.Popen[bytes]:
    options = [word for change in changes for word in ("--set", change)]
    command = [sys.executable, "-m", "edge.cli", "run", "--source", "demo", "--frames", str(frames), *options]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ | {"XDG_STATE_HOME": str(folder)})


def processor_s(process: subprocess.Popen[bytes]) -> float:
    """User and system time of a process that ends."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_utime + used.ru_stime


def main() -> None:
    frames = int(sys.argv[1]) if len(sys.argv) > 1 else FRAMES
    with tempfile.TemporaryDirectory() as name, mosquitto(Path(name)) as broker:
        folder = Path(name)
        first = [processor_s(start(changes, 1, folder)) for changes in (on(folder, broker), OFF)]
        both = [start(changes, frames, folder) for changes in (on(folder, broker), OFF)]
        whole = [processor_s(process) for process in both]
    for word, at_start_s, all_s in zip(("on", "off"), first, whole, strict=True):
        each_ms = 1000 * (all_s - at_start_s) / (frames - 1)
        sys.stdout.write(f"{word}: start {at_start_s:.2f} s, {each_ms:.3f} ms a frame\n")
    more = (whole[0] - first[0]) / (whole[1] - first[1]) - 1
    sys.stdout.write(f"{frames} frames: {100 * more:+.1f} %\n")


if __name__ == "__main__":
    main()
