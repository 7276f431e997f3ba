"""A TFLite file as plain records, read with the format's own schema.

The interpreter's list of operators is no substitute: it shows what a delegate left, not what the file holds.
"""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from converters.errors import ConversionError

IDENTIFIER = b"TFL3"
WEIGHT_RANKS = {"CONV_2D": 4, "DEPTHWISE_CONV_2D": 4, "TRANSPOSE_CONV": 4, "FULLY_CONNECTED": 2}


class Tensor(Struct, frozen=True, eq=False):
    """One tensor.

    shape: -1 where a side is dynamic. scales, zero_points: empty for a tensor that is not quantized, one number
    per tensor, or one per slice of `axis`. data_bytes: 0 unless it is a constant.
    """

    index: int
    name: str
    dtype: str
    shape: tuple[int, ...]
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int
    data_bytes: int

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return int(np.prod(self.shape, dtype=np.int64)) if self.shape else 1

    @property
    def constant(self) -> bool:
        """True if its numbers stand in the file."""
        return self.data_bytes > 0


class Operator(Struct, frozen=True, eq=False):
    """One step: tensors in (-1 for an optional one left out), tensors out."""

    index: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class Graph(Struct, frozen=True, eq=False):
    """The one subgraph of a model, in the order in which it runs."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    size_bytes: int

    def layer(self, operator: Operator) -> str:
        """The name of a step, as the source's layers were called: that of its first output."""
        return self.tensors[operator.outputs[0]].name if operator.outputs else f"operator {operator.index}"


def read_graph(content: bytes, where: str) -> Graph:
    """The graph of a flatbuffer; a zip appended to it is ignored. Raises ConversionError if it is none."""
    if content[4:8] != IDENTIFIER:
        raise ConversionError(f"{where}: no TFLite file")
    from ai_edge_litert import schema_py_generated as schema

    try:
        return _read(schema.Model.GetRootAs(content), len(content))
    except (
        struct.error,
        LookupError,
        ArithmeticError,
        ValueError,
        TypeError,
        AttributeError,
        MemoryError,
    ) as error:
        raise ConversionError(f"{where}: truncated or altered: its flatbuffer cannot be read") from error


def read_file(path: Path) -> bytes:
    """A model file's bytes. Raises ConversionError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConversionError(f"{path}: cannot be read: {error.strerror}") from error


def _read(model: Any, size_bytes: int) -> Graph:
    if model.SubgraphsLength() < 1:
        raise ValueError("no subgraph")
    subgraph = model.Subgraphs(0)
    codes = [_code_name(model.OperatorCodes(i)) for i in range(model.OperatorCodesLength())]
    tensors = tuple(_tensor(model, subgraph.Tensors(i), i) for i in range(subgraph.TensorsLength()))
    operators = []
    for i in range(subgraph.OperatorsLength()):
        entry = subgraph.Operators(i)
        operators.append(
            Operator(i, codes[entry.OpcodeIndex()], _ints(entry.InputsAsNumpy()), _ints(entry.OutputsAsNumpy()))
        )
    graph = Graph(
        tensors,
        tuple(operators),
        _ints(subgraph.InputsAsNumpy()),
        _ints(subgraph.OutputsAsNumpy()),
        size_bytes,
    )
    _check(graph)
    return graph


def _check(graph: Graph) -> None:
    """Raises ValueError where the numbers in it point nowhere."""
    count = len(graph.tensors)
    real = [*graph.inputs, *graph.outputs, *(index for op in graph.operators for index in op.outputs)]
    given = [index for op in graph.operators for index in op.inputs]  # -1: an optional one left out
    if any(not 0 <= index < count for index in real) or any(not -1 <= index < count for index in given):
        raise ValueError("a tensor number beyond the last")
    for tensor in graph.tensors:
        if len(tensor.scales) != len(tensor.zero_points) or (tensor.scales and tensor.axis > len(tensor.shape)):
            raise ValueError("quantization of another shape than its tensor")
    for operator in graph.operators:
        wanted = WEIGHT_RANKS.get(operator.name)
        found = operator.inputs[1] if len(operator.inputs) > 1 else -1
        if not operator.outputs or (wanted and (found < 0 or len(graph.tensors[found].shape) != wanted)):
            raise ValueError("a step without output or weights")


def _tensor(model: Any, entry: Any, index: int) -> Tensor:
    quantization = entry.Quantization()
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    axis = 0
    if quantization is not None and quantization.ScaleLength():
        scales = tuple(float(value) for value in quantization.ScaleAsNumpy())
        zero_points = (
            _ints(quantization.ZeroPointAsNumpy()) if quantization.ZeroPointLength() else (0,) * len(scales)
        )
        axis = int(quantization.QuantizedDimension())
    signature = entry.ShapeSignatureAsNumpy() if entry.ShapeSignatureLength() else entry.ShapeAsNumpy()
    buffer = model.Buffers(entry.Buffer())
    name = entry.Name()
    return Tensor(
        index,
        name.decode("utf-8", "replace") if name else f"tensor {index}",
        _type_names()[entry.Type()],
        _ints(signature),
        scales,
        zero_points,
        axis,
        int(buffer.DataLength()) or int(buffer.Size()),
    )


def _ints(array: NDArray[np.int32] | int) -> tuple[int, ...]:
    """The schema's arrays; it gives 0 for one that is absent."""
    return () if isinstance(array, int) else tuple(int(value) for value in array)


def _code_name(code: Any) -> str:
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = _operator_names()[number]
    if name == "CUSTOM":
        custom = code.CustomCode()
        return f"CUSTOM {custom.decode('utf-8', 'replace') if custom else '?'}"
    return name


@cache
def _operator_names() -> dict[int, str]:
    from ai_edge_litert import schema_py_generated as schema

    return {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}


@cache
def _type_names() -> dict[int, str]:
    from ai_edge_litert import schema_py_generated as schema

    return {number: name.lower() for name, number in vars(schema.TensorType).items() if isinstance(number, int)}
