"""The machine's V4L2 devices: which of them are cameras, and whether one can be used now."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from pathlib import Path

from edge.errors import SourceError

# linux/videodev2.h
FORMAT_BYTES = 200 + struct.calcsize("P")  # struct v4l2_format: its union is aligned as a pointer is
VIDIOC_QUERYCAP = 0x80685600
VIDIOC_G_FMT, VIDIOC_S_FMT = (0xC0005600 | FORMAT_BYTES << 16 | number for number in (4, 5))
VIDIOC_ENUM_FMT = 0xC0405602
FORMATS_MAX = 32
CAP_VIDEO_CAPTURE, CAP_DEVICE_CAPS = 0x1, 0x80000000
BUF_TYPE_VIDEO_CAPTURE = 1

CURES = {
    errno.ENOENT: "no such camera: plug it in (ls /dev/v4l/by-id lists those that are there)",
    errno.EACCES: "permission denied: sudo usermod -aG video $USER, then log in again",
    errno.EPERM: "permission denied: sudo usermod -aG video $USER, then log in again",
    errno.EBUSY: "another program is using it: close that one (fuser -v names it)",
    errno.ENODEV: "unplugged",
    errno.ENXIO: "unplugged",
    errno.ENOTTY: "no video capture device",
    errno.EINVAL: "no video capture device",
    errno.EISDIR: "no video capture device",
}


def probe(path: Path) -> str:
    """What the camera calls itself. Raises SourceError with the cure if it cannot be used now."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        try:
            answer = bytearray(104)
            fcntl.ioctl(handle, VIDIOC_QUERYCAP, answer)
            _prove_free(handle)
        finally:
            os.close(handle)
    except OSError as error:
        cure = CURES.get(error.errno or 0, error.strerror)
        raise SourceError(f"{path}: {cure}") from error
    card = parse_capabilities(bytes(answer))
    if card is None:
        raise SourceError(
            f"{path}: gives no pictures (many cameras have a second device): try another of its names"
        )
    return card


def parse_capabilities(answer: bytes) -> str | None:
    """The card's name in a struct v4l2_capability; None if the device captures no video."""
    _, card, _, _, capabilities, device_capabilities = struct.unpack("=16s32s32sIII", answer[:92])
    own = device_capabilities if capabilities & CAP_DEVICE_CAPS else capabilities
    return card.split(b"\0")[0].decode(errors="replace") if own & CAP_VIDEO_CAPTURE else None


def pixel_formats(path: Path) -> list[str]:
    """The pixel formats that the camera offers, e.g. ["YUYV", "MJPG"]; none where it does not say."""
    found = []
    try:
        handle = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        try:
            for index in range(FORMATS_MAX):
                answer = bytearray(struct.pack("=II", index, BUF_TYPE_VIDEO_CAPTURE).ljust(64, b"\0"))
                fcntl.ioctl(handle, VIDIOC_ENUM_FMT, answer)
                found.append(parse_format(bytes(answer)))
        finally:
            os.close(handle)
    except OSError:  # after the last format, too
        pass
    return found


def parse_format(answer: bytes) -> str:
    """The pixel format's name in a struct v4l2_fmtdesc."""
    return answer[44:48].decode("ascii", "replace").rstrip("\0 ")


def _prove_free(handle: int) -> None:
    """Raises OSError EBUSY if another program streams: only then is setting the format that is set refused."""
    picture_format = bytearray(struct.pack("=I", BUF_TYPE_VIDEO_CAPTURE).ljust(FORMAT_BYTES, b"\0"))
    try:
        fcntl.ioctl(handle, VIDIOC_G_FMT, picture_format)
        fcntl.ioctl(handle, VIDIOC_S_FMT, picture_format)
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise


def cameras(dev: Path = Path("/dev"), sysfs: Path = Path("/sys/class/video4linux")) -> list[str]:
    """Cameras by stable name, then USB and virtual ones that have none.

    A Pi's own video devices decode, scale or carry the raw frames of its ribbon cable; they sit on its platform
    bus and are no cameras.
    """
    stable = sorted((dev / "v4l" / "by-id").glob("*-video-index0"))
    taken = {link.resolve() for link in stable}
    others = []
    for entry in sorted(sysfs.glob("video*"), key=lambda entry: (len(entry.name), entry.name)):
        index = (entry / "index").read_text().strip() if (entry / "index").is_file() else "0"
        device = dev / entry.name
        where = entry.resolve().parts
        is_camera = any(part.startswith("usb") for part in where) or "virtual" in where
        if index == "0" and is_camera and device.exists() and device.resolve() not in taken:
            others.append(device)
    return [str(path) for path in (*stable, *others)]
