"""Which devices are cameras, and one clear line, with its cure, for each that cannot be used."""

import errno
import struct
from pathlib import Path

import pytest

from edge.errors import SourceError
from edge.sources import devices
from edge.sources.devices import cameras, parse_capabilities, probe

CAPTURE, METADATA, MANY = 0x1, 0x800000, 0x80000000


def capabilities(card: bytes, own: int, whole: int) -> bytes:
    """The kernel's struct v4l2_capability, as it fills it."""
    return struct.pack("=16s32s32sIII12x", b"uvcvideo", card, b"usb-1", 0x060101, whole, own)


class Machine:
    """/dev and /sys/class/video4linux of a made-up machine."""

    def __init__(self, root: Path) -> None:
        self.dev, self.sysfs, self._devices = root / "dev", root / "class", root / "devices"
        for folder in (self.dev, self.sysfs, self._devices):
            folder.mkdir()

    def add(self, node: str, bus: str, index: int = 0, by_id: str = "") -> None:
        device = self._devices / bus / "video4linux" / node
        device.mkdir(parents=True)
        (device / "index").write_text(f"{index}\n")
        (self.sysfs / node).symlink_to(device)
        (self.dev / node).touch()
        if by_id:
            folder = self.dev / "v4l" / "by-id"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / by_id).symlink_to(self.dev / node)

    def cameras(self) -> list[str]:
        return [str(Path(path).relative_to(self.dev)) for path in cameras(self.dev, self.sysfs)]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_machine_without_cameras_has_none(machine: Machine, tmp_path: Path) -> None:
    assert machine.cameras() == []
    assert cameras(tmp_path / "absent", tmp_path / "absent") == []


def test_a_stable_name_comes_first_and_only_the_node_that_gives_pictures_counts(machine: Machine) -> None:
    machine.add("video0", "pci/usb1/1-1", by_id="usb-Zeta-video-index0")
    machine.add("video1", "pci/usb1/1-1", index=1, by_id="usb-Zeta-video-index1")
    machine.add("video2", "pci/usb1/1-2", by_id="usb-Alpha-video-index0")
    machine.add("video3", "pci/usb2/2-1")
    assert machine.cameras() == ["v4l/by-id/usb-Alpha-video-index0", "v4l/by-id/usb-Zeta-video-index0", "video3"]


def test_nodes_without_a_stable_name_are_in_the_order_of_their_numbers(machine: Machine) -> None:
    for number in (10, 2):
        machine.add(f"video{number}", f"pci/usb1/1-{number}")
    machine.add("video3", "virtual")
    assert machine.cameras() == ["video2", "video3", "video10"]


@pytest.mark.parametrize("bus", ["platform/bcm2835-codec", "platform/axi/1000120000.pcie/1f00110000.csi"])
def test_a_pis_codec_and_its_raw_ribbon_cable_are_no_cameras(bus: str, machine: Machine) -> None:
    machine.add("video0", bus)
    assert machine.cameras() == []


@pytest.mark.parametrize(
    ("own", "whole", "name"),
    [
        (CAPTURE, CAPTURE | METADATA | MANY, "HD Webcam"),
        (METADATA, CAPTURE | METADATA | MANY, None),
        (0, CAPTURE, "HD Webcam"),  # an old driver that says nothing of the single device
        (0, 0, None),
    ],
)
def test_a_device_is_a_camera_if_it_captures_video_itself(own: int, whole: int, name: str | None) -> None:
    assert parse_capabilities(capabilities(b"HD Webcam\0left over", own, whole)) == name


def test_the_kernels_numbers_are_what_its_header_makes_of_them() -> None:
    def request(direction: int, number: int, size: int) -> int:
        return direction << 30 | size << 16 | ord("V") << 8 | number

    read, both = 2, 3
    assert len(capabilities(b"", 0, 0)) == 104
    assert request(read, 0, 104) == devices.VIDIOC_QUERYCAP
    assert request(both, 4, devices.FORMAT_BYTES) == devices.VIDIOC_G_FMT
    assert request(both, 5, devices.FORMAT_BYTES) == devices.VIDIOC_S_FMT


def answering(monkeypatch: pytest.MonkeyPatch, answer: bytes, refuses: int = 0) -> None:
    """A device that answers QUERYCAP so and refuses, with this errno, that its format be set."""

    def ioctl(_handle: int, number: int, buffer: bytearray) -> int:
        if number == devices.VIDIOC_QUERYCAP:
            buffer[:] = answer
        elif number == devices.VIDIOC_S_FMT and refuses:
            raise OSError(refuses, "refused")
        return 0

    monkeypatch.setattr(devices.fcntl, "ioctl", ioctl)


def test_a_camera_says_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "video0").touch()
    answering(monkeypatch, capabilities(b"HD Webcam", CAPTURE, CAPTURE))
    assert probe(tmp_path / "video0") == "HD Webcam"


def test_a_device_that_gives_no_pictures_is_told_from_a_camera(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "video1").touch()
    answering(monkeypatch, capabilities(b"HD Webcam", METADATA, CAPTURE | METADATA | MANY))
    with pytest.raises(SourceError, match=r"video1: gives no pictures .*try another"):
        probe(tmp_path / "video1")


def test_a_camera_in_use_is_told_and_a_refusal_for_another_reason_is_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "video0").touch()
    answer = capabilities(b"HD Webcam", CAPTURE, CAPTURE)
    answering(monkeypatch, answer, errno.EBUSY)
    with pytest.raises(SourceError, match="video0: another program is using it"):
        probe(tmp_path / "video0")
    answering(monkeypatch, answer, errno.EINVAL)
    assert probe(tmp_path / "video0") == "HD Webcam"


@pytest.mark.parametrize(
    ("number", "cure"),
    [
        (errno.EACCES, r"permission denied: sudo usermod -aG video \$USER, then log in again"),
        (errno.EBUSY, "another program is using it"),
        (errno.ENODEV, "unplugged"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_what_the_kernel_refuses_is_one_line_with_its_cure(
    number: int, cure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> int:
        raise OSError(number, "Input/output error")

    monkeypatch.setattr(devices.os, "open", refuse)
    with pytest.raises(SourceError, match=rf"^/dev/video0: {cure}"):
        probe(Path("/dev/video0"))


def test_a_path_that_is_not_there_a_file_a_folder_and_another_device_are_no_cameras(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such camera: plug it in"):
        probe(tmp_path / "absent")
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file", Path("/dev/null")):
        with pytest.raises(SourceError, match=rf"^{path}: no video capture device$"):
            probe(path)


def test_a_pixel_format_is_read_from_the_kernels_struct() -> None:
    answer = struct.pack("=III32s4sI12x", 0, 1, 0, b"YUYV 4:2:2", b"YUYV", 0)
    assert len(answer) == 64
    assert devices.parse_format(answer) == "YUYV"


def test_what_is_no_camera_offers_no_format() -> None:
    assert devices.pixel_formats(Path("/dev/null")) == []
    assert devices.pixel_formats(Path("/dev/absent")) == []
