"""A whole int8 classifier of a few hundred bytes, built by hand: tests of model files need no TensorFlow.

A byte picture is quantized and goes through one dense layer with a fixed random weight for each pixel and output.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from converters.repack import pack_model

SIDE, OUTPUTS = 8, 7
INPUT_SCALE, WEIGHT_SCALE, OUTPUT_SCALE = 1 / 255, 0.004, 0.05
KINDS = schema.TensorType


class Builder:
    """A flatbuffer on its way: tensors are named by their numbers."""

    def __init__(self) -> None:
        self.model = schema.ModelT()
        self.model.version, self.model.description = 3, b"tiny"
        self.model.buffers, self.model.operatorCodes = [schema.BufferT()], []
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.model.subgraphs = [self.graph]

    def tensor(
        self,
        name: str,
        shape: list[int],
        kind: int,
        quantization: tuple[float, int] | None = None,
        data: Any = None,
    ) -> int:
        entry = schema.TensorT()
        entry.name, entry.shape, entry.type, entry.buffer = name.encode(), shape, kind, 0
        if quantization:
            entry.quantization = schema.QuantizationParametersT()
            entry.quantization.scale, entry.quantization.zeroPoint = [quantization[0]], [quantization[1]]
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            entry.buffer = len(self.model.buffers) - 1
        self.graph.tensors.append(entry)
        return len(self.graph.tensors) - 1

    def step(self, number: int, inputs: list[int], outputs: list[int], version: int = 1) -> Any:
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = number
        code.version = version
        self.model.operatorCodes.append(code)
        step = schema.OperatorT()
        step.opcodeIndex, step.inputs, step.outputs = len(self.model.operatorCodes) - 1, inputs, outputs
        self.graph.operators.append(step)
        return step

    def dense(self, inputs: list[int], output: int, version: int = 1) -> None:
        step = self.step(schema.BuiltinOperator.FULLY_CONNECTED, inputs, [output], version)
        step.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
        step.builtinOptions = schema.FullyConnectedOptionsT()

    def pack(self, first: int, last: int) -> bytes:
        self.graph.inputs, self.graph.outputs = [first], [last]
        return pack_model(self.model)


def weights(side: int, outputs: int, seed: int) -> tuple[Any, Any]:
    """(kernel int8 (outputs, pixels), bias int32)."""
    rng = np.random.default_rng(seed)
    kernel = rng.integers(-127, 128, (outputs, side * side)).astype(np.int8)
    return kernel, rng.integers(-2000, 2000, outputs).astype(np.int32)


def tiny_flatbuffer(
    *, side: int = SIDE, outputs: int = OUTPUTS, seed: int = 1, input_scale: float = INPUT_SCALE
) -> bytes:
    """uint8 (1, side, side, 1) in, int8 (1, outputs) out."""
    kernel, bias = weights(side, outputs, seed)
    build = Builder()
    shape = [1, side, side, 1]
    first = build.tensor("image", shape, KINDS.UINT8, (input_scale, 0))
    inner = build.tensor("quantized", shape, KINDS.INT8, (input_scale, -128))
    matrix = build.tensor("dense/kernel", list(kernel.shape), KINDS.INT8, (WEIGHT_SCALE, 0), kernel)
    offset = build.tensor("dense/bias", [outputs], KINDS.INT32, (WEIGHT_SCALE * input_scale, 0), bias)
    last = build.tensor("dense", [1, outputs], KINDS.INT8, (OUTPUT_SCALE, 3))
    build.step(schema.BuiltinOperator.QUANTIZE, [first], [inner])
    build.dense([inner, matrix, offset], last, version=4)
    return build.pack(first, last)


def tiny_float_flatbuffer(*, side: int = SIDE, outputs: int = OUTPUTS, seed: int = 1) -> bytes:
    """The same net in float32: luma / 255 in, real numbers out."""
    kernel, bias = weights(side, outputs, seed)
    build = Builder()
    first = build.tensor("image", [1, side, side, 1], KINDS.FLOAT32)
    real = kernel.astype(np.float32) * np.float32(WEIGHT_SCALE)
    matrix = build.tensor("dense/kernel", list(kernel.shape), KINDS.FLOAT32, data=real)
    shift = bias.astype(np.float32) * np.float32(WEIGHT_SCALE * INPUT_SCALE)
    offset = build.tensor("dense/bias", [outputs], KINDS.FLOAT32, data=shift)
    last = build.tensor("dense", [1, outputs], KINDS.FLOAT32)
    build.dense([first, matrix, offset], last)
    return build.pack(first, last)
