from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_flatbuffer import OUTPUTS, SIDE, tiny_flatbuffer, tiny_float_flatbuffer

from converters.errors import OutputError
from converters.flatbuffer import read_graph
from converters.metadata import Description, metadata_bytes, with_metadata
from converters.output import write_whole
from converters.repack import pack_model, unpack_model
from converters.seal import golden_inputs
from edge.classify import Classifier
from edge.errors import ModelError
from edge.model.labels import FER2013
from edge.model.package import open_model, read_package

Refused = Callable[..., str]
FACTS = (
    "--name", "tiny", "--version", "1.2.3", "--description", "for tests", "--licence", "MIT", "--origin", "nobody",
)  # fmt: skip


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    path = tmp_path / "bare.tflite"
    path.write_bytes(tiny_flatbuffer())
    return path


@pytest.fixture
def package(run: Any, bare: Path, tmp_path: Path) -> Path:
    out = tmp_path / "model.tflite"
    metrics = tmp_path / "metrics.json"
    metrics.write_text('{"accuracy": 0.5, "n": 40, "confusion": [[1]], "deep": {"a": {"b": {"c": 1}}}}')
    status, told, err = run(
        "package", bare, "--out", out, "--labels", "fer2013", *FACTS, "--metrics", f"test={metrics}"
    )
    assert (status, err) == (0, "")
    assert told == f"{out}: {out.stat().st_size:,} bytes, proved\n"
    return out


def test_a_package_is_a_model_that_the_device_opens_and_uses(package: Path) -> None:
    model = open_model(package)
    assert model.labels == FER2013
    assert model.manifest.parameters == OUTPUTS * SIDE * SIDE + OUTPUTS
    assert model.manifest.activation == "logits"
    assert model.manifest.metrics["test"]["accuracy"] == 0.5
    assert model.manifest.tools["mien"]
    scores = Classifier(model).classify_crop(golden_inputs(SIDE)[0])
    assert scores.sum() == pytest.approx(1)


def test_the_same_parts_give_the_same_bytes(run: Any, bare: Path, tmp_path: Path) -> None:
    outs = [tmp_path / name for name in ("a.tflite", "b.tflite")]
    for out in outs:
        run("package", bare, "--out", out, "--labels", ",".join(FER2013), *FACTS)
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_a_package_made_from_a_package_has_the_same_flatbuffer(run: Any, package: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.tflite"
    status, _, err = run("package", package, "--out", again, "--labels", "fer2013", *FACTS)
    assert (status, err) == (0, "")
    assert read_package(again).flatbuffer == read_package(package).flatbuffer


def test_labels_may_come_from_a_file_and_the_crop_from_options(run: Any, bare: Path, tmp_path: Path) -> None:
    words = tmp_path / "labels.txt"
    words.write_text("\n".join(FER2013) + "\n")
    out = tmp_path / "model.tflite"
    crop = ("--crop-scale", "1.25", "--crop-offset-y", "0.05", "--activation", "scores")
    run("package", bare, "--out", out, "--labels", words, *FACTS, *crop)
    manifest = open_model(out).manifest
    assert (manifest.crop.size_px, manifest.crop.scale, manifest.crop.offset_y) == (SIDE, 1.25, 0.05)
    assert manifest.activation == "scores"


def test_golden_cases_are_four_different_pictures_and_answers(package: Path) -> None:
    golden = read_package(package).golden
    assert golden.inputs.shape == (4, SIDE, SIDE, 1)
    assert len({array.tobytes() for array in golden.inputs}) == 4
    assert len({array.tobytes() for array in golden.outputs}) > 1
    assert golden.inputs.max() > 250


def test_inspect_proves_and_prints_what_the_file_says(run: Any, package: Path) -> None:
    status, out, err = run("inspect", package)
    assert (status, err) == (0, "")
    for line in (
        "tiny 1.2.3: for tests", "licence: MIT", "origin: nobody", f"labels: {', '.join(FER2013)}",
        f"input: uint8 1x{SIDE}x{SIDE}x1, scale 0.0039215689, zero point 0", "output holds: logits",
        "measured: test.accuracy = 0.5000",
    ):  # fmt: skip
        assert line in out.splitlines()
    assert "confusion" not in out
    assert "deep" not in out
    table = json.loads(run("inspect", package, "--json").out)
    assert table["labels"] == list(FER2013)
    assert table["manifest"]["metrics"]["test"]["confusion"] == [[1]]


def test_inspect_refuses_what_does_not_prove_itself(refused: Refused, package: Path, bare: Path) -> None:
    content = bytearray(package.read_bytes())
    content[-30] ^= 1
    package.write_bytes(content)
    assert refused("inspect", package).startswith(f"{package}: ")
    assert "mien-convert package" in refused("inspect", bare)


def test_other_tools_read_the_metadata(package: Path) -> None:
    from ai_edge_litert import schema_py_generated as schema

    flatbuffer = read_package(package).flatbuffer
    model = unpack_model(flatbuffer)
    (entry,) = (entry for entry in model.metadata if entry.name == b"TFLITE_METADATA")
    data = model.buffers[entry.buffer].data.tobytes()
    assert data[4:8] == b"M001"
    for words in (b"tiny", b"1.2.3", b"for tests", b"MIT", b"nobody", b"labels.txt", b"logits"):
        assert words in data
    with zipfile.ZipFile(package) as archive:
        assert archive.read("labels.txt").decode().split() == list(FER2013)
    assert schema.Model.GetRootAs(flatbuffer).Version() == 3


def test_metadata_are_replaced_not_heaped_up_and_change_no_tensor() -> None:
    about = Description(
        name="a", version="1", description="", author="", licence="", size=(SIDE, SIDE), takes_bytes=True,
        activation="logits", labels_file="labels.txt",
    )  # fmt: skip
    once = with_metadata(tiny_flatbuffer(), about)
    twice = with_metadata(once, about)
    assert once == twice
    before, after = read_graph(tiny_flatbuffer(), "x"), read_graph(once, "x")
    assert [(t.name, t.shape, t.scales) for t in before.tensors] == [
        (t.name, t.shape, t.scales) for t in after.tensors
    ]
    assert metadata_bytes(about) in once


def test_a_float_file_is_packaged_only_as_second_best(refused: Refused, run: Any, tmp_path: Path) -> None:
    bare, out = tmp_path / "float.tflite", tmp_path / "out.tflite"
    bare.write_bytes(tiny_float_flatbuffer())
    line = refused("package", bare, "--out", out, "--labels", "fer2013", *FACTS)
    assert line == (
        f"{bare}: not whole in int8: FULLY_CONNECTED in layer dense: works on float32 "
        "(--second-best packages it as it is)"
    )
    status, _, _ = run("package", bare, "--out", out, "--labels", "fer2013", *FACTS, "--second-best")
    assert status == 0
    assert Classifier(open_model(out)).labels == FER2013


@pytest.mark.parametrize(
    ("labels", "rule"),
    [
        ("ferplus", "8 labels for 7 outputs: there must be one for each"),
        ("a,b", "2 labels for 7 outputs: there must be one for each"),
        ("a,b,c,d,e,f,g", "label 'a' is none of neutral, "),
        ("no-such-file", "--labels no-such-file: neither fer2013, ferplus, words with commas nor a text file"),
    ],
)
def test_labels_that_do_not_fit_are_refused(
    labels: str, rule: str, refused: Refused, bare: Path, tmp_path: Path
) -> None:
    assert rule in refused("package", bare, "--out", tmp_path / "out.tflite", "--labels", labels, *FACTS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bare.tflite"]


def test_a_model_that_answers_every_picture_alike_is_refused(refused: Refused, bare: Path, tmp_path: Path) -> None:
    model = unpack_model(tiny_flatbuffer())
    model.buffers[1].data = np.zeros_like(model.buffers[1].data)
    bare.write_bytes(pack_model(model))
    line = refused("package", bare, "--out", tmp_path / "o", "--labels", "fer2013", *FACTS)
    assert line == f"{bare}: it answers every picture alike: its quantization has collapsed"


def test_pictures_that_are_no_square_of_luma_are_refused(refused: Refused, bare: Path, tmp_path: Path) -> None:
    model = unpack_model(tiny_flatbuffer())
    for tensor in model.subgraphs[0].tensors[:2]:
        tensor.shape = [1, SIDE // 2, SIDE * 2, 1]
    bare.write_bytes(pack_model(model))
    line = refused("package", bare, "--out", tmp_path / "o", "--labels", "fer2013", *FACTS)
    assert line == f"{bare}: input 16x4 with 1 channels: a square of luma is expected"


@pytest.mark.parametrize(
    ("content", "rule"),
    [("[1]", "no JSON object of metrics"), ("{", "no JSON object of metrics"), (None, "cannot be read")],
)
def test_metrics_that_are_none_are_refused(
    content: str | None, rule: str, refused: Refused, bare: Path, tmp_path: Path
) -> None:
    metrics = tmp_path / "m.json"
    if content is not None:
        metrics.write_text(content)
    options = ("--out", tmp_path / "o", "--labels", "fer2013", *FACTS)
    assert rule in refused("package", bare, *options, "--metrics", metrics)


def test_metrics_given_twice_and_a_crop_beyond_reason_are_refused(
    refused: Refused, bare: Path, tmp_path: Path
) -> None:
    metrics = tmp_path / "m.json"
    metrics.write_text('{"a": 1}')
    options = ("package", bare, "--out", tmp_path / "o", "--labels", "fer2013", *FACTS)
    assert "'a' is given twice" in refused(*options, "--metrics", metrics, "--metrics", metrics)
    assert "the crop contract does not hold" in refused(*options, "--crop-scale", "9")


def test_an_output_that_exists_or_cannot_be_written_is_refused_before_any_work(
    refused: Refused, run: Any, bare: Path, tmp_path: Path
) -> None:
    options = ("--labels", "fer2013", *FACTS)
    out = tmp_path / "out.tflite"
    out.write_text("precious")
    line = refused("package", bare, "--out", out, *options)
    assert line == f"{out}: exists already: choose another name, or --force to replace it"
    assert out.read_text() == "precious"
    assert refused("package", bare, "--out", tmp_path, *options) == f"{tmp_path}: is a folder"
    missing = tmp_path / "none" / "out.tflite"
    assert refused("package", bare, "--out", missing, *options).endswith(f"{missing.parent} does not exist")
    status, _, _ = run("package", bare, "--out", out, *options, "--force")
    assert status == 0
    assert open_model(out).labels == FER2013


def test_a_file_that_does_not_prove_itself_never_gets_its_name(tmp_path: Path) -> None:
    out = tmp_path / "model.tflite"
    with pytest.raises(ModelError, match=rf"^{out}: no TFLite file$"):
        write_whole(out, b"half a package", force=False, prove=open_model)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    out = tmp_path / "model.tflite"
    with pytest.raises(OutputError, match=rf"^{out}: cannot be written: No space left on device$"):
        write_whole(out, b"content", force=False)
    assert list(tmp_path.iterdir()) == []


def test_compare_sets_models_side_by_side(run: Any, package: Path, converted: Path, samples: Path) -> None:
    status, out, err = run("compare", package, converted, "--data", samples, "--labels", "fer2013", "--no-pi")
    assert (status, err) == (0, "")
    head, first, second, *rest = out.splitlines()
    assert head.split()[:3] == ["file", "bytes", "parameters"]
    assert first.split()[0] == package.name
    assert second.split()[:2] == [converted.name, f"{converted.stat().st_size:,}"]
    assert rest == ["accuracy on 40 labelled samples", "no Arm instructions: not asked for"]
    lines = json.loads(run("compare", package, converted, "--no-pi", "--json").out)
    assert [line["whole_int8"] for line in lines] == [True, True]
    assert lines[0]["multiply_adds"] == OUTPUTS * SIDE * SIDE
    assert lines[0]["accuracy"] is None
    assert all(line["latency_ms"] > 0 for line in lines)


def test_compare_says_why_there_are_no_arm_instructions(
    run: Any, package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from converters import compare

    counter = tmp_path / "count.py"
    monkeypatch.setattr(compare, "COUNTER", counter)
    assert (
        run("compare", package).out.splitlines()[-1].startswith("no Arm instructions: the emulated Pi is part of")
    )
    counter.write_text("import sys\nsys.exit('count.py: error: no emulated Pi here')\n")
    assert run("compare", package).out.splitlines()[-1] == "no Arm instructions: no emulated Pi here"
    figures = {str(package): {"instructions": {"a53": 5_000_000, "a76": 1_500_000}}}
    counter.write_text(f"print({json.dumps(json.dumps(figures))})\n")
    head, line, *_ = run("compare", package).out.splitlines()
    assert head.endswith("a53 M instr.  a76 M instr.")
    assert line.split()[-2:] == ["5", "1.5"]
