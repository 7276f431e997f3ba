from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tiny_flatbuffer import OUTPUTS, SIDE, tiny_flatbuffer, tiny_float_flatbuffer

from converters.audit import audit
from converters.errors import ConversionError
from converters.flatbuffer import read_graph
from converters.repack import ALIGNMENT, pack_model, unpack_model

Refused = Callable[..., str]
PIXELS = SIDE * SIDE


def changed(content: bytes, change: Callable[[Any, Any], None]) -> bytes:
    model = unpack_model(content)
    change(model, model.subgraphs[0])
    return pack_model(model)


def test_a_whole_int8_file_is_counted_to_the_last_weight() -> None:
    report = audit(read_graph(tiny_flatbuffer(), "tiny"))
    assert report.problems == ()
    assert report.operators == {"FULLY_CONNECTED": 1, "QUANTIZE": 1}
    assert report.parameters == OUTPUTS * PIXELS + OUTPUTS
    assert report.multiply_adds == OUTPUTS * PIXELS
    assert report.size_bytes == len(tiny_flatbuffer())
    assert report.tensor_types == {"int32": 1, "int8": 3, "uint8": 1}
    assert [step.types for step in report.steps] == ["uint8->int8", "int8->int8"]
    assert report.not_accelerated == ("QUANTIZE (quantized)",)
    assert report.per_tensor_weights == ("FULLY_CONNECTED (dense)",)


def test_a_float_file_has_its_leftovers_named() -> None:
    report = audit(read_graph(tiny_float_flatbuffer(), "tiny"))
    assert report.problems == ("FULLY_CONNECTED in layer dense: works on float32",)
    assert report.float_tensors == (
        "image (float32)", "dense/kernel (float32)", "dense/bias (float32)", "dense (float32)",
    )  # fmt: skip


def test_costs_are_those_of_the_keras_network(converted: Path) -> None:
    report = audit(read_graph(converted.read_bytes(), "classifier"))
    costs = {step.operator: (step.parameters, step.multiply_adds) for step in report.steps if step.parameters}
    assert costs == {
        "CONV_2D": (9 * 8 + 8, 8 * 8 * 8 * 9),
        "DEPTHWISE_CONV_2D": (9 * 8 + 8, 8 * 8 * 8 * 9),
        "FULLY_CONNECTED": (512 * 7, 512 * 7),  # its bias, all zeros, was left out
    }
    assert report.per_tensor_weights == ()


def test_a_custom_operator_is_named_with_its_layer(refused: Refused, tmp_path: Path) -> None:
    def custom(model: Any, _graph: Any) -> None:
        code = model.operatorCodes[1]
        code.builtinCode = schema.BuiltinOperator.CUSTOM
        code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = b"Sparkle"

    for content in (tiny_flatbuffer(), tiny_float_flatbuffer()):
        assert read_graph(content, "x").operators
    report = audit(read_graph(changed(tiny_flatbuffer(), custom), "tiny"))
    assert report.problems[0] == "CUSTOM Sparkle in layer dense: a custom operator, which the runtime lacks"

    def custom_float(model: Any, graph: Any) -> None:
        model.operatorCodes.insert(0, schema.OperatorCodeT())
        graph.operators[0].opcodeIndex = 1
        custom(model, graph)

    path = tmp_path / "odd.tflite"
    path.write_bytes(changed(tiny_float_flatbuffer(), custom_float))
    line = refused("to-int8", path, "--out", tmp_path / "out")
    assert line == f"{path}: CUSTOM Sparkle in layer dense: a custom operator, which the runtime lacks"


def test_one_scale_for_all_channels_of_a_convolution_is_a_problem(converted: Path) -> None:
    def flatten(_model: Any, graph: Any) -> None:
        for tensor in graph.tensors:
            if len(tensor.shape) == 4 and tensor.quantization is not None and len(tensor.quantization.scale) > 1:
                tensor.quantization.scale = tensor.quantization.scale[:1]
                tensor.quantization.zeroPoint = tensor.quantization.zeroPoint[:1]

    report = audit(read_graph(changed(converted.read_bytes(), flatten), "x"))
    assert len(report.problems) == 2
    assert "one scale for all channels of its weights" in report.problems[0]


def test_a_dynamic_shape_and_a_scale_of_zero_are_problems() -> None:
    def spoil(_model: Any, graph: Any) -> None:
        graph.tensors[0].shapeSignature = [-1, SIDE, SIDE, 1]
        graph.tensors[4].quantization.scale = [0.0]

    problems = audit(read_graph(changed(tiny_flatbuffer(), spoil), "x")).problems
    assert problems == (
        f"tensor image: dynamic shape (-1, {SIDE}, {SIDE}, 1)",
        "tensor dense: a scale is not above 0",
    )


def test_the_command_prints_a_table_and_ends_well_for_whole_int8(run: Any, converted: Path) -> None:
    status, out, err = run("audit", converted)
    assert (status, err) == (0, "")
    assert "CONV_2D" in out
    assert "input: uint8 1x16x16x1, scale 0.0039215689, zero point 0" in out
    assert out.endswith("whole in int8\n")


def test_the_command_prints_json_that_says_the_same(run: Any, converted: Path) -> None:
    status, out, _ = run("audit", converted, "--json")
    report = json.loads(out)
    assert status == 0
    assert report["float_tensors"] == []
    assert report["problems"] == []
    assert report["inputs"][0]["scale"] == pytest.approx(1 / 255)
    assert sum(step["multiply_adds"] for step in report["steps"]) == report["multiply_adds"]


def test_the_command_ends_with_status_1_where_float_is_left(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "float.tflite"
    path.write_bytes(tiny_float_flatbuffer())
    status, out, _ = run("audit", path)
    assert status == 1
    assert "problem: FULLY_CONNECTED in layer dense: works on float32" in out


def test_what_is_no_tflite_file_is_refused(refused: Refused, tmp_path: Path) -> None:
    path = tmp_path / "x.tflite"
    assert refused("audit", path) == f"{path}: cannot be read: No such file or directory"
    assert refused("audit", tmp_path) == f"{tmp_path}: cannot be read: Is a directory"
    path.write_bytes(b"hello, this is text")
    assert refused("audit", path) == f"{path}: no TFLite file"


def test_a_file_cut_short_or_altered_is_read_or_refused_but_never_a_crash() -> None:
    whole = tiny_flatbuffer()
    for length in range(8, len(whole), 7):
        with pytest.raises(ConversionError, match=r"^x: truncated or altered"):
            audit(read_graph(whole[:length] if length < 600 else whole[:8] + bytes(length), "x"))
    rng = np.random.default_rng(1)
    lines = []
    for _ in range(400):
        content = bytearray(whole)
        content[rng.integers(8, len(whole))] ^= int(rng.integers(1, 256))
        try:
            audit(read_graph(bytes(content), "x"))
        except ConversionError as error:
            lines.append(str(error))
    assert lines
    assert not any("\n" in line for line in lines)


def test_a_changed_model_is_written_with_aligned_constants_and_the_same_bytes_twice(converted: Path) -> None:
    content = pack_model(unpack_model(converted.read_bytes()))
    assert content == pack_model(unpack_model(content))
    model = schema.Model.GetRootAs(content)
    found = [model.Buffers(k) for k in range(model.BuffersLength())]
    starts = [buffer._tab.Vector(buffer._tab.Offset(4)) for buffer in found if buffer.DataLength()]
    assert len(starts) > 5
    assert {start % ALIGNMENT for start in starts} == {0}
