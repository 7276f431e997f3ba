"""YuNet's file is proved before the first frame: each fault is one line that names the file."""

import os
from pathlib import Path

import numpy as np
import pytest

from edge.config import DetectConfig
from edge.detect.yunet import load
from edge.errors import ConfigError, ModelError

MODEL = Path(
    os.environ.get("MIEN_YUNET", Path(__file__).resolve().parents[4] / "shared" / "models" / "yunet_2026may.onnx")
)


def field(number: int, content: bytes | int) -> bytes:
    """One field of a protocol buffer, whose numbers and lengths here stay below 128."""
    if isinstance(content, int):
        return bytes([number << 3, content])
    return bytes([number << 3 | 2, len(content)]) + content


def tensor(name: bytes) -> bytes:
    """An ONNX ValueInfoProto: float, shape (1, 3, 64, 64)."""
    sides = b"".join(field(1, field(1, side)) for side in (1, 3, 64, 64))
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, sides)))


def foreign_onnx() -> bytes:
    """A sound ONNX model that is no face detector: one Relu."""
    node = field(1, b"input") + field(2, b"output") + field(4, b"Relu")
    graph = field(1, node) + field(2, b"g") + field(11, tensor(b"input")) + field(12, tensor(b"output"))
    return (
        field(1, 7) + bytes([7 << 3 | 2, len(graph) & 127 | 128, len(graph) >> 7]) + graph + field(8, field(2, 11))
    )


def test_no_file_named_is_one_line_that_says_what_to_bring() -> None:
    with pytest.raises(ConfigError, match=r'detect\.model = "": must name YuNet'):
        load(DetectConfig(backend="yunet"))


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.onnx: cannot be read: No such file"):
        load(DetectConfig(backend="yunet", model=str(tmp_path / "gone.onnx")))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no ONNX file"),
        (b"hello", "no ONNX file"),
        (bytes(range(256)) * 40, "no ONNX file"),
        (foreign_onnx(), "not YuNet"),
    ],
    ids=["empty", "text", "noise", "another network"],
)
def test_a_file_that_is_not_yunet_is_one_line(
    tmp_path: Path, content: bytes, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=rf"bad\.onnx: .*{message}") as caught:
        load(DetectConfig(backend="yunet", model=str(path)))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not MODEL.is_file(), reason=f"no {MODEL} (MIEN_YUNET names another place)")
@pytest.mark.parametrize("share", [0.01, 0.5, 0.999])
def test_a_truncated_file_is_one_line(tmp_path: Path, share: float, capfd: pytest.CaptureFixture[str]) -> None:
    content = MODEL.read_bytes()
    path = tmp_path / "cut.onnx"
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError, match=r"cut\.onnx: no ONNX file that OpenCV"):
        load(DetectConfig(backend="yunet", model=str(path)))
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not MODEL.is_file(), reason=f"no {MODEL} (MIEN_YUNET names another place)")
def test_a_frame_of_one_grid_cell_holds_no_infinite_face() -> None:
    detector = load(DetectConfig(backend="yunet", model=str(MODEL), min_score=0, min_face_px=8))
    for size in ((3, 320), (24, 24), (32, 320), (320, 32)):
        for face in detector.detect(np.full(size, 128, np.uint8)):
            assert np.isfinite(face.box.area)
