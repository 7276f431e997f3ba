"""Runs in the emulated computer: what its camera films. vivid's video output is looped into vivid's camera.

    screen.py prepare            before anybody opens the camera: 640x480, and about 3 frames a second
    screen.py show FACE EMPTY    FACE and EMPTY in turn, for ever; each file is one frame in YUYV, 640x480

Only the standard library: the system's own Python runs it. Numbers are those of linux/videodev2.h.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import sys
import time
from pathlib import Path

SIZE = (640, 480)
SHOWN_S = 6.0
"""How long each picture stands: a face that comes and goes makes events."""
DROPPED_PERCENT = 95
"""Of the 60 frames a second that vivid's HDMI makes; an emulated processor has better things to do."""


def iowr(number: int, size: int) -> int:
    return 3 << 30 | size << 16 | ord("V") << 8 | number


QUERYCTRL, S_CTRL = iowr(36, 68), iowr(28, 8)
ENUM_DV_TIMINGS, S_DV_TIMINGS = iowr(98, 148), iowr(87, 132)
REQBUFS, QUERYBUF, QBUF, DQBUF = iowr(8, 20), iowr(9, 88), iowr(15, 88), iowr(17, 88)
STREAMON = 0x40045612
NEXT_CONTROL = 0x80000000
VIDEO_OUTPUT, MMAP = 2, 1
BUFFERS = 4
LOOPS = {"Loop Video": 1, "HDMI 000-0 Is Connected To": 2}
"""The control that loops the output into the camera and its value there: up to Linux 6.11, and since."""


def find(end: str) -> int:
    """The device whose name ends so, opened."""
    for name in sorted(Path("/sys/class/video4linux").glob("*/name")):
        if name.read_text().strip().endswith(end):
            return os.open(f"/dev/{name.parent.name}", os.O_RDWR)
    raise SystemExit(f"screen.py: no device of vivid's whose name ends in {end}")


def choose_size(device: int) -> None:
    """The first of the driver's timings with this size."""
    index = 0
    while True:
        answer = bytearray(struct.pack("=I", index).ljust(148, b"\0"))
        fcntl.ioctl(device, ENUM_DV_TIMINGS, answer)  # an error after the last one
        if struct.unpack_from("=II", answer, 20) == SIZE:
            fcntl.ioctl(device, S_DV_TIMINGS, answer[16:])
            return
        index += 1


def control(devices: list[int], values: dict[str, int]) -> None:
    """Set the control with one of these names, on the device that has it."""
    for device in devices:
        numbers = numbered(device)
        for name in values.keys() & numbers.keys():
            fcntl.ioctl(device, S_CTRL, bytearray(struct.pack("=Ii", numbers[name], values[name])))
            return
    raise SystemExit(f"screen.py: vivid has no control named {' or '.join(values)}")


def numbered(device: int) -> dict[str, int]:
    """The numbers of a device's controls, by name."""
    found: dict[str, int] = {}
    number = 0
    while True:
        answer = bytearray(struct.pack("=I", number | NEXT_CONTROL).ljust(68, b"\0"))
        try:
            fcntl.ioctl(device, QUERYCTRL, answer)
        except OSError:  # after the last one
            return found
        number, label = struct.unpack_from("=I4x32s", answer)
        found[label.split(b"\0")[0].decode()] = number


def prepare() -> None:
    camera, screen = find("vid-cap"), find("vid-out")
    for device in (camera, screen):
        choose_size(device)
    control([camera, screen], LOOPS)
    control([camera, screen], {"Percentage of Dropped Buffers": DROPPED_PERCENT})


def buffer(index: int, used: int = 0) -> bytearray:
    """A struct v4l2_buffer of a 64-bit system."""
    return bytearray(struct.pack("=IIIIII16x16xIIQII8x", index, VIDEO_OUTPUT, used, 0, 0, 0, 0, MMAP, 0, used, 0))


def show(pictures: list[bytes]) -> None:
    """Streaming, since write() does not work: the kernel hands vivid buffers that it says are empty."""
    screen, size = find("vid-out"), len(pictures[0])
    fcntl.ioctl(screen, REQBUFS, bytearray(struct.pack("=IIIII", BUFFERS, VIDEO_OUTPUT, MMAP, 0, 0)))
    memory = []
    for index in range(BUFFERS):
        answer = buffer(index)
        fcntl.ioctl(screen, QUERYBUF, answer)
        (offset,) = struct.unpack_from("=I", answer, 64)
        memory.append(mmap.mmap(screen, size, offset=offset))
        memory[index][:] = pictures[0]
        fcntl.ioctl(screen, QBUF, buffer(index, size))
    fcntl.ioctl(screen, STREAMON, struct.pack("=I", VIDEO_OUTPUT))
    while True:
        for picture in pictures:
            until = time.monotonic() + SHOWN_S
            while time.monotonic() < until:
                answer = buffer(0)
                fcntl.ioctl(screen, DQBUF, answer)  # waits until one was shown
                (index,) = struct.unpack_from("=I", answer)
                memory[index][:] = picture
                fcntl.ioctl(screen, QBUF, buffer(index, size))


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare()
    else:
        show([Path(name).read_bytes() for name in sys.argv[2:]])
