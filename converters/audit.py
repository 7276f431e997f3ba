"""What a TFLite file really holds: operators, types, quantization, cost, and what does not belong in int8."""

from __future__ import annotations

import math

from msgspec import Struct

from converters.flatbuffer import WEIGHT_RANKS, Graph, Operator, Tensor

ACCELERATED = frozenset(
    [
        "ADD",
        "CONCATENATION",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "DEPTH_TO_SPACE",
        "DEQUANTIZE",
        "EXPAND_DIMS",
        "FULLY_CONNECTED",
        "LEAKY_RELU",
        "LOGISTIC",
        "MAX_POOL_2D",
        "MEAN",
        "MUL",
        "PAD",
        "QUANTIZE",
        "REDUCE_MAX",
        "RESHAPE",
        "RESIZE_BILINEAR",
        "SLICE",
        "SPACE_TO_DEPTH",
        "SPLIT",
        "SQUEEZE",
        "SUB",
        "SUM",
        "TANH",
        "TRANSPOSE",
        "TRANSPOSE_CONV",
    ]
)
"""Operators that XNNPACK takes over in int8, on Arm and x86 alike; the rest run in TFLite's own, slower kernels.
Measured with ai-edge-litert 2.3.0, one operator at a time (tests/converters/test_acceleration.py)."""

INT_TYPES = ("int8", "uint8", "int32")
CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
WITH_CONSTANTS = (*WEIGHT_RANKS, "ADD", "SUB", "MUL", "DIV", "PRELU", "MAXIMUM", "MINIMUM", "BATCH_MATMUL")


class Step(Struct, frozen=True):
    """One operator of the audited graph.

    types: of the inputs that change from frame to frame, then of the outputs.
    per_channel: whether its weights have a scale for each channel; None where it has no quantized weights.
    accelerated: whether the Arm CPU path (XNNPACK, int8) takes it.
    """

    index: int
    operator: str
    layer: str
    types: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    per_channel: bool | None
    accelerated: bool


class Port(Struct, frozen=True):
    """An input or output of the model."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int


class Audit(Struct, frozen=True, kw_only=True):
    """All findings on one file.

    float_tensors: "name (type)" of each tensor that is not of integers. problems: a line for each thing that keeps
    the file from being a whole int8 model.
    """

    size_bytes: int
    parameters: int
    multiply_adds: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    operators: dict[str, int]
    steps: tuple[Step, ...]
    tensors: int
    tensor_types: dict[str, int]
    float_tensors: tuple[str, ...]
    not_accelerated: tuple[str, ...]
    per_tensor_weights: tuple[str, ...]
    problems: tuple[str, ...]


def audit(graph: Graph) -> Audit:
    """Everything there is to say about a graph."""
    steps = tuple(_step(graph, operator) for operator in graph.operators)
    used = _used(graph)
    floats = tuple(f"{t.name} ({t.dtype})" for t in used if t.dtype not in INT_TYPES)
    names = sorted({step.operator for step in steps})
    types = sorted({tensor.dtype for tensor in used})
    return Audit(
        size_bytes=graph.size_bytes,
        parameters=_parameters(graph),
        multiply_adds=sum(step.multiply_adds for step in steps),
        inputs=tuple(_port(graph.tensors[index]) for index in graph.inputs),
        outputs=tuple(_port(graph.tensors[index]) for index in graph.outputs),
        operators={name: sum(step.operator == name for step in steps) for name in names},
        steps=steps,
        tensors=len(used),
        tensor_types={name: sum(tensor.dtype == name for tensor in used) for name in types},
        float_tensors=floats,
        not_accelerated=tuple(f"{s.operator} ({s.layer})" for s in steps if not s.accelerated),
        per_tensor_weights=tuple(f"{s.operator} ({s.layer})" for s in steps if s.per_channel is False),
        problems=tuple(_problems(graph, steps)),
    )


def _problems(graph: Graph, steps: tuple[Step, ...]) -> list[str]:
    problems = [
        f"{step.operator} in layer {step.layer}: a custom operator, which the runtime lacks"
        for step in steps
        if step.operator.startswith("CUSTOM")
    ]
    for operator in graph.operators:
        touched = [graph.tensors[index] for index in (*operator.inputs, *operator.outputs) if index >= 0]
        kinds = sorted({tensor.dtype for tensor in touched} - set(INT_TYPES))
        if kinds:
            problems.append(f"{operator.name} in layer {short(graph.layer(operator))}: works on {', '.join(kinds)}")
    for tensor in _used(graph):
        if not tensor.constant and any(side < 1 for side in tensor.shape):
            problems.append(f"tensor {short(tensor.name)}: dynamic shape {tensor.shape}")
        if any(not (math.isfinite(scale) and scale > 0) for scale in tensor.scales):
            problems.append(f"tensor {short(tensor.name)}: a scale is not above 0")
    problems += [
        f"{step.operator} in layer {step.layer}: one scale for all channels of its weights"
        for step in steps
        if step.per_channel is False and step.operator in CONVOLUTIONS
    ]
    return problems


def _step(graph: Graph, operator: Operator) -> Step:
    tensors = graph.tensors
    moving = [tensors[i].dtype for i in operator.inputs if i >= 0 and not tensors[i].constant]
    made = [tensors[i].dtype for i in operator.outputs]
    weights = _weights(graph, operator)
    per_channel = None
    if weights is not None and weights.scales:
        channels = weights.shape[weights.axis] if weights.axis < len(weights.shape) else 1
        per_channel = channels == 1 or len(weights.scales) == channels
    return Step(
        operator.index,
        operator.name,
        short(graph.layer(operator)),
        f"{'+'.join(dict.fromkeys(moving))}->{'+'.join(dict.fromkeys(made))}",
        tensors[operator.outputs[0]].shape if operator.outputs else (),
        sum(tensors[i].elements for i in _constants(graph, operator)),
        multiply_adds(graph, operator),
        per_channel,
        accelerated(graph, operator),
    )


def accelerated(graph: Graph, operator: Operator) -> bool:
    """Whether XNNPACK takes a step in int8."""
    kinds = {graph.tensors[i].dtype for i in (*operator.inputs, *operator.outputs) if i >= 0}
    return operator.name in ACCELERATED and "uint8" not in kinds


def multiply_adds(graph: Graph, operator: Operator) -> int:
    """Multiplications of activations with weights that a step takes; 0 for steps that only move or add."""
    weights = _weights(graph, operator)
    if weights is None:
        return 0
    made = graph.tensors[operator.outputs[0]]
    if operator.name == "CONV_2D":  # weights: (out, height, width, in)
        return _product(made.shape) * _product(weights.shape[1:])
    if operator.name == "DEPTHWISE_CONV_2D":  # (1, height, width, out)
        return _product(made.shape) * _product(weights.shape[1:3])
    if operator.name == "TRANSPOSE_CONV":  # (out, height, width, in), once for each number that comes in
        return _product(graph.tensors[operator.inputs[2]].shape) * _product(weights.shape[:3])
    return _product(made.shape[:-1]) * _product(weights.shape)


def short(name: str) -> str:
    """A layer's name without the twins that the converter merged into it."""
    first = name.split(";", maxsplit=1)[0]
    return first if len(first) <= 60 else "..." + first[-57:]


def _weights(graph: Graph, operator: Operator) -> Tensor | None:
    return graph.tensors[operator.inputs[1]] if operator.name in WEIGHT_RANKS else None


def _constants(graph: Graph, operator: Operator) -> list[int]:
    """Trained numbers among the inputs; shapes, axes and paddings are none."""
    if operator.name not in WITH_CONSTANTS:
        return []
    inputs = operator.inputs[1:] if operator.name == "TRANSPOSE_CONV" else operator.inputs
    return [i for i in inputs if i >= 0 and graph.tensors[i].constant]


def _parameters(graph: Graph) -> int:
    shared = {index for operator in graph.operators for index in _constants(graph, operator)}
    return sum(graph.tensors[index].elements for index in shared)


def _used(graph: Graph) -> list[Tensor]:
    used = {*graph.inputs, *graph.outputs}
    for operator in graph.operators:
        used |= {*operator.inputs, *operator.outputs}
    return [graph.tensors[index] for index in sorted(used - {-1})]


def _port(tensor: Tensor) -> Port:
    quantized = len(tensor.scales) == 1
    return Port(
        tensor.name,
        tensor.dtype,
        tensor.shape,
        tensor.scales[0] if quantized else 0.0,
        tensor.zero_points[0] if quantized else 0,
    )


def _product(sides: tuple[int, ...]) -> int:
    return math.prod(max(side, 0) for side in sides)
