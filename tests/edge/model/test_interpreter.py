from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest
from tiny_flatbuffer import OUTPUTS, SIDE, tiny_flatbuffer, tiny_float_flatbuffer

from edge.errors import MissingPackageError, ModelError
from edge.model import interpreter as module
from edge.model.interpreter import Interpreter, dequantize, find_runtime


def test_raw_bytes_go_in_and_whole_steps_come_out() -> None:
    interpreter = Interpreter(tiny_flatbuffer())
    (output,) = interpreter.invoke(np.full((1, SIDE, SIDE, 1), 200, np.uint8))
    assert output.dtype == np.int8
    assert output.shape == (1, OUTPUTS)


def test_int8_and_float_agree_within_a_step() -> None:
    picture = np.random.default_rng(3).integers(0, 256, (1, SIDE, SIDE, 1)).astype(np.uint8)
    whole, real = Interpreter(tiny_flatbuffer()), Interpreter(tiny_float_flatbuffer())
    found = dequantize(whole.invoke(picture)[0], whole.outputs[0])
    wanted = dequantize(real.invoke(picture.astype(np.float32) / np.float32(255))[0], real.outputs[0])
    assert np.abs(found - wanted).max() <= whole.outputs[0]["quantization"][0]


def test_an_output_is_a_copy_that_the_next_run_leaves_alone() -> None:
    interpreter = Interpreter(tiny_flatbuffer())
    black, white = (np.full((1, SIDE, SIDE, 1), value, np.uint8) for value in (0, 255))
    first = interpreter.invoke(black)[0]
    kept = first.copy()
    assert (interpreter.invoke(white)[0] != kept).any()
    np.testing.assert_array_equal(first, kept)


def test_every_tensor_can_be_kept() -> None:
    interpreter = Interpreter(tiny_flatbuffer(), every_tensor=True)
    picture = np.arange(SIDE * SIDE, dtype=np.uint8).reshape(1, SIDE, SIDE, 1)
    interpreter.invoke(picture)
    np.testing.assert_array_equal(interpreter.tensor(1), picture.astype(np.int16) - 128)


def test_dequantize_undoes_scale_and_zero_point_and_leaves_floats_alone() -> None:
    raw = np.array([-128, 3, 127], np.int8)
    real = dequantize(raw, {"quantization": (0.5, 3)})
    np.testing.assert_array_equal(real, [-65.5, 0, 62])
    floats = np.array([1.5], np.float32)
    assert dequantize(floats, {"quantization": (0.0, 0)}) is floats


@pytest.mark.parametrize("content", [b"", b"no model", bytes(16) + b"x" * 64])
def test_what_is_no_flatbuffer_is_one_line(content: bytes) -> None:
    with pytest.raises(ModelError, match=r"^here: no model that ") as caught:
        Interpreter(content, where="here")
    assert "\n" not in str(caught.value)


def test_the_runtime_has_a_name_and_a_version() -> None:
    name, version, _ = find_runtime()
    assert name in ("ai-edge-litert", "tflite-runtime")
    assert version[0].isdigit()


def test_the_second_choice_is_taken_where_the_first_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    second = ModuleType("second_choice")
    monkeypatch.setitem(sys.modules, "second_choice", second)
    monkeypatch.setattr(
        module, "RUNTIMES", (("no-such-distribution", "no_such_module"), ("numpy", "second_choice"))
    )
    assert find_runtime()[2] is second


def test_no_runtime_at_all_says_what_to_install_and_why_each_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RUNTIMES", (("no-such-distribution", "no_such_module"),))
    with pytest.raises(MissingPackageError, match=r"install ai-edge-litert \(no-such-distribution: "):
        find_runtime()
