from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from tiny_flatbuffer import OUTPUTS, SIDE, tiny_flatbuffer

from edge.errors import ModelError
from edge.model import package
from edge.model.labels import FER2013
from edge.model.package import (
    GOLDEN,
    GOLDEN_TOLERANCE_LSB,
    LABELS,
    MANIFEST,
    Tensor,
    bundled_models,
    model_path,
    open_model,
    pack,
    read_package,
)


def refusal(path: Path) -> str:
    """The one line with which a file is refused; it names the file."""
    with pytest.raises(ModelError) as caught:
        open_model(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    return message


def test_a_whole_model_file_proves_itself(parts: Any, path: Path) -> None:
    model = open_model(parts.write(path))
    assert model.labels == FER2013
    assert model.manifest == parts.manifest
    assert model.interpreter.input["shape"].tolist() == [1, SIDE, SIDE, 1]


def test_a_float_model_file_proves_itself_with_a_tolerance(float_parts: Any, path: Path) -> None:
    outputs = float_parts.golden.outputs
    float_parts.expect(outputs=outputs * np.float32(1.001))
    assert open_model(float_parts.write(path)).manifest.input == Tensor((1, SIDE, SIDE, 1), "float32", 0.0, 0)
    float_parts.expect(outputs=outputs * np.float32(1.1))
    assert "golden case 0: an output is off by" in refusal(float_parts.write(path))
    float_parts.expect(outputs=outputs * np.float32(np.nan))
    assert "golden case 0: an output is off by nan" in refusal(float_parts.write(path))


def test_the_same_parts_give_the_same_bytes(parts: Any, tmp_path: Path) -> None:
    first, second = (parts.write(tmp_path / name).read_bytes() for name in ("a.tflite", "b.tflite"))
    assert first == second


def test_a_model_file_is_a_plain_zip_to_others(parts: Any, path: Path) -> None:
    with zipfile.ZipFile(parts.write(path)) as archive:
        assert sorted(archive.namelist()) == [GOLDEN, LABELS, MANIFEST]
        assert archive.read(LABELS).decode().split() == list(FER2013)


def test_a_missing_file_a_folder_and_an_unreadable_name_are_refused(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in refusal(tmp_path / "none.tflite")
    assert "cannot be read: Is a directory" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\0", b"TFL3", b"a picture, perhaps", b"\x89PNG\r\n\x1a\n" + bytes(64)])
def test_what_is_no_tflite_file_is_refused(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    assert refusal(path) == f"{path}: no TFLite file"


def test_a_bare_flatbuffer_is_refused_and_the_cure_named(parts: Any, path: Path) -> None:
    path.write_bytes(parts.flatbuffer)
    assert "mien-convert package" in refusal(path)


def test_a_file_cut_short_anywhere_is_refused(parts: Any, path: Path) -> None:
    whole = parts.write(path).read_bytes()
    for length in sorted({*range(0, len(whole), 41), *range(len(whole) - 30, len(whole))}):
        path.write_bytes(whole[:length])
        refusal(path)


def test_a_file_with_something_behind_it_is_refused(parts: Any, path: Path) -> None:
    whole = parts.write(path).read_bytes()
    for more in (b"\0", b"PK\x05\x06" + bytes(18), whole):
        path.write_bytes(whole + more)
        refusal(path)


def test_a_change_of_any_byte_is_refused(parts: Any, path: Path) -> None:
    """Flatbuffer, zip headers, names, contents, directory: whatever the byte belongs to."""
    whole = parts.write(path).read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= (0x01, 0x80, 0xFF)[place % 3]
        path.write_bytes(changed)
        with pytest.raises(ModelError):
            read_package(path)


def test_another_flatbuffer_under_the_same_manifest_is_refused(parts: Any, path: Path) -> None:
    parts.flatbuffer = tiny_flatbuffer(seed=2)
    assert refusal(parts.write(path)) == f"{path}: hash: the flatbuffer is not the one that {MANIFEST} names"


def test_a_flatbuffer_that_the_runtime_cannot_load_is_refused(parts: Any, path: Path) -> None:
    import hashlib

    parts.flatbuffer = parts.flatbuffer[:8] + bytes(200)
    parts.change(sha256=hashlib.sha256(parts.flatbuffer).hexdigest())
    assert "no model that" in refusal(parts.write(path))


@pytest.mark.parametrize(
    ("labels", "rule"),
    [
        (b"anger\ndisgust\n", "labels: 2 labels for 7 outputs: there must be one for each"),
        (b"", "labels: 0 labels for 7 outputs: there must be one for each"),
        (b"anger\n" * OUTPUTS, "labels: a label stands twice"),
        (b"anger\ndisgust\nfear\nhappiness\nsadness\nsurprise\nhungry\n", "labels: label 'hungry' is none of"),
        (b"\xff\xfe" * 4, f"labels: {LABELS} is no UTF-8 text"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: bytes, rule: str, parts: Any, path: Path) -> None:
    parts.labels = labels
    assert rule in refusal(parts.write(path))


@pytest.mark.parametrize(
    ("which", "change"),
    [
        ("input", {"shape": (1, SIDE, SIDE, 3)}),
        ("input", {"dtype": "int8"}),
        ("input", {"scale": 1.0}),
        ("input", {"zero_point": 1}),
        ("output", {"dtype": "uint8"}),
        ("output", {"dtype": "float32"}),
        ("output", {"scale": 0.1}),
        ("output", {"zero_point": 0}),
    ],
)
def test_a_manifest_that_describes_another_tensor_is_refused(
    which: str, change: dict[str, Any], parts: Any, path: Path
) -> None:
    parts.change(**{which: msgspec.structs.replace(getattr(parts.manifest, which), **change)})
    message = refusal(parts.write(path))
    assert f"{which}: the flatbuffer has" in message


def test_an_output_shape_of_nothing_is_refused(parts: Any, path: Path) -> None:
    parts.change(output=msgspec.structs.replace(parts.manifest.output, shape=()))
    assert "7 labels for 0 outputs" in refusal(parts.write(path))


def test_a_golden_case_that_does_not_hold_is_refused(parts: Any, path: Path) -> None:
    outputs = parts.golden.outputs.copy()
    outputs[1, 2] ^= 1
    parts.expect(outputs=outputs)
    message = refusal(parts.write(path))
    assert "golden case 1: an output is off by 1 steps" in message
    assert "at most 0 are allowed" in message


def test_a_golden_case_of_another_runtime_may_be_off_by_some_steps(parts: Any, path: Path) -> None:
    parts.change(runtime_version="0.0.1")
    exact = parts.golden.outputs.astype(np.int16)
    within = np.where(exact > 0, exact - GOLDEN_TOLERANCE_LSB, exact + GOLDEN_TOLERANCE_LSB)
    parts.expect(outputs=within.astype(np.int8))
    assert open_model(parts.write(path)).labels == FER2013
    beyond = np.where(exact > 0, exact - GOLDEN_TOLERANCE_LSB - 1, exact + GOLDEN_TOLERANCE_LSB + 1)
    parts.expect(outputs=beyond.astype(np.int8))
    assert f"off by {GOLDEN_TOLERANCE_LSB + 1} steps" in refusal(parts.write(path))


@pytest.mark.parametrize(
    "golden",
    [
        {"inputs": np.zeros((0, SIDE, SIDE, 1), np.uint8), "outputs": np.zeros((0, OUTPUTS), np.int8)},
        {"inputs": np.zeros((3, SIDE, SIDE, 3), np.uint8)},
        {"inputs": np.zeros((3, SIDE, SIDE, 1), np.int8)},
        {"outputs": np.zeros((3, OUTPUTS), np.float32)},
        {"outputs": np.zeros((3, OUTPUTS + 1), np.int8)},
        {"outputs": np.zeros((2, OUTPUTS), np.int8)},
        {"outputs": np.int8(0)},
    ],
)
def test_a_golden_case_of_other_tensors_is_refused(golden: dict[str, Any], parts: Any, path: Path) -> None:
    parts.expect(**golden)
    assert "golden case: " in refusal(parts.write(path))


def with_file(parts: Any, path: Path, name: str, content: bytes | None) -> Path:
    files = parts.files()
    del files[name]
    if content is not None:
        files[name] = content
    path.write_bytes(pack(parts.flatbuffer, files))
    return path


@pytest.mark.parametrize("name", [LABELS, MANIFEST, GOLDEN])
def test_a_missing_part_is_named(name: str, parts: Any, path: Path) -> None:
    assert f"{name} is missing" in refusal(with_file(parts, path, name, None))


@pytest.mark.parametrize(
    "content", [b"", b"not an array", b"PK\x05\x06" + bytes(18), pack(b"", {"inputs.npy": b""})]
)
def test_golden_arrays_that_cannot_be_read_are_refused(content: bytes, parts: Any, path: Path) -> None:
    assert f"golden case: {GOLDEN} does not hold" in refusal(with_file(parts, path, GOLDEN, content))


def test_pickled_golden_arrays_are_not_run(parts: Any, path: Path) -> None:
    content = io.BytesIO()
    np.savez(content, inputs=np.array([print], object), outputs=np.zeros(1))
    assert f"golden case: {GOLDEN} does not hold" in refusal(with_file(parts, path, GOLDEN, content.getvalue()))


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "Input data was truncated"),
        (b"[]", "model.json"),
        (b"{}", "format None: this Mien reads 1"),
        (b'{"format": 99}', "format 99: this Mien reads 1"),
        (b'{"format": 1, "name": "x"}', "missing required field"),
        (b'{"format": 1, "name": 5}', "Expected `str`, got `int`"),
    ],
)
def test_a_manifest_that_is_none_is_refused(content: bytes, rule: str, parts: Any, path: Path) -> None:
    message = refusal(with_file(parts, path, MANIFEST, content))
    assert MANIFEST in message
    assert rule in message


def test_an_unknown_field_or_value_of_the_manifest_is_refused(parts: Any, path: Path) -> None:
    table = msgspec.json.decode(parts.files()[MANIFEST])
    for change, rule in (
        ({"colour": "red"}, "unknown field `colour`"),
        ({"activation": "odds"}, "Invalid enum value 'odds'"),
        ({"crop": {**table["crop"], "scale": 9}}, "Expected `float` <= 3.0"),
    ):
        content = msgspec.json.encode({**table, **change})
        assert rule in refusal(with_file(parts, path, MANIFEST, content))


def test_a_zip_that_others_packed_is_refused(parts: Any, path: Path) -> None:
    """Compressed entries, other times, a comment: readable, but a change would not show."""
    content = io.BytesIO(parts.flatbuffer)
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.files().items():
            archive.writestr(name, data)
        archive.comment = b"hello"
    path.write_bytes(content.getvalue())
    assert "altered" in refusal(path)
    damaged = bytearray(content.getvalue())
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo(MANIFEST).header_offset
    name_length, extra_length = struct.unpack("<HH", damaged[start + 26 : start + 30])
    damaged[start + 30 + name_length + extra_length + 3] ^= 0xFF
    path.write_bytes(damaged)
    assert "truncated, altered" in refusal(path)


def test_a_model_with_two_inputs_is_refused(parts: Any, path: Path) -> None:
    from converters.repack import pack_model, unpack_model
    from edge.model.interpreter import Interpreter

    model = unpack_model(parts.flatbuffer)
    graph = model.subgraphs[0]
    graph.inputs = [int(graph.inputs[0]), 2]
    with pytest.raises(ModelError, match=r"two: 2 inputs: one is expected"):
        Interpreter(pack_model(model), where="two")


def test_a_model_with_two_outputs_is_refused(parts: Any, path: Path) -> None:
    import hashlib

    from converters.repack import pack_model, unpack_model

    model = unpack_model(parts.flatbuffer)
    graph = model.subgraphs[0]
    graph.outputs = [int(graph.outputs[0]), 1]
    parts.flatbuffer = pack_model(model)
    parts.change(sha256=hashlib.sha256(parts.flatbuffer).hexdigest())
    assert "2 outputs: one is expected" in refusal(parts.write(path))


def test_a_model_is_found_by_bundled_name_or_by_file(
    parts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "BUNDLED", tmp_path)
    parts.write(tmp_path / "emotion-a.tflite")
    parts.write(tmp_path / "face.tflite")
    assert bundled_models() == ["emotion-a"]
    assert model_path("emotion-a") == tmp_path / "emotion-a.tflite"
    assert model_path(str(tmp_path / "face.tflite")) == tmp_path / "face.tflite"
    with pytest.raises(
        ModelError, match=r"^emotion-b: no bundled model of this name \(emotion-a\) and no \.tflite"
    ):
        model_path("emotion-b")
    with pytest.raises(ModelError, match=r"no such model file"):
        model_path(str(tmp_path / "none.tflite"))


@pytest.mark.parametrize("name", bundled_models())
def test_a_bundled_model_proves_itself(name: str) -> None:
    model = open_model(model_path(name))
    assert model.manifest.name == name
    assert model.manifest.input.dtype == "uint8"
    assert model.manifest.output.dtype == "int8"
