"""How much of each layer's signal survives quantization, to name the layer that hurts."""

from __future__ import annotations

import math

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from converters.audit import short
from converters.flatbuffer import Graph, Operator, read_graph
from edge.model.interpreter import Interpreter

CLEAN_DB = 99.0
"""Reported where there is no noise to speak of; infinity is no JSON."""


class LayerNoise(Struct, frozen=True):
    """sqnr_db: power of the float layer's output over the power of its difference to the quantized one's.

    added: noise to signal of its output less that of its inputs; below 0 where the layer averages noise away.
    """

    layer: str
    operator: str
    sqnr_db: float
    added: float


def layer_noise(
    quantized: bytes, float_twin: bytes, raw: list[NDArray[np.generic]], values: NDArray[np.float32]
) -> tuple[list[LayerNoise], int]:
    """(noise of each layer that both graphs have, in the order they run; layers without a twin).

    quantized: the flatbuffer, fed with `raw`. float_twin: the same source unquantized, fed with `values`.
    """
    ours, theirs = read_graph(quantized, "the quantized model"), read_graph(float_twin, "the float model")
    pairs = _pairs(ours, theirs)
    runs = Interpreter(quantized, every_tensor=True), Interpreter(float_twin, every_tensor=True)
    signal, noise = np.zeros(len(pairs)), np.zeros(len(pairs))
    for sample, value in zip(raw, values, strict=True):
        runs[0].invoke(sample)
        runs[1].invoke(value[np.newaxis])
        for k, (_, mine, twin) in enumerate(pairs):
            found, wanted = _real(ours, mine, runs[0]), runs[1].tensor(twin).astype(np.float64)
            signal[k] += float(np.square(wanted).sum())
            noise[k] += float(np.square(wanted - found).sum())
    ratios = {mine: noise[k] / max(signal[k], 1e-30) for k, (_, mine, _) in enumerate(pairs)}
    layers = []
    for k, (step, mine, _) in enumerate(pairs):
        operator = ours.operators[step]
        brought = max((ratios.get(index, 0.0) for index in operator.inputs), default=0.0)
        layers.append(
            LayerNoise(
                short(ours.layer(operator)),
                operator.name,
                decibel(signal[k], noise[k]),
                float(ratios[mine] - brought),
            )
        )
    return layers, len(_steps(ours)) - len(pairs)


def decibel(signal: float, noise: float) -> float:
    """The ratio of two powers; 0 where there is neither."""
    if noise <= 0:
        return CLEAN_DB if signal > 0 else 0.0
    return min(CLEAN_DB, 10 * math.log10(max(signal, 1e-30) / noise))


def _pairs(ours: Graph, theirs: Graph) -> list[tuple[int, int, int]]:
    """(operator, its tensor, the float tensor that means the same).

    Step by step where both graphs run the same ones; else those whose tensors have one name and shape.
    """
    mine, twins = _steps(ours), _steps(theirs)
    if [(op.name, ours.tensors[op.outputs[0]].shape) for op in mine] == [
        (op.name, theirs.tensors[op.outputs[0]].shape) for op in twins
    ]:
        return [(a.index, a.outputs[0], b.outputs[0]) for a, b in zip(mine, twins, strict=True)]
    made = {theirs.tensors[op.outputs[0]].name: theirs.tensors[op.outputs[0]] for op in twins}
    found = []
    for operator in mine:
        tensor = ours.tensors[operator.outputs[0]]
        twin = made.get(tensor.name)
        if twin is not None and twin.shape == tensor.shape:
            found.append((operator.index, tensor.index, twin.index))
    return found


def _steps(graph: Graph) -> list[Operator]:
    """The operators that compute something; quantization comes and goes between the two graphs."""
    return [operator for operator in graph.operators if operator.name not in ("QUANTIZE", "DEQUANTIZE")]


def _real(graph: Graph, index: int, interpreter: Interpreter) -> NDArray[np.float64]:
    tensor = graph.tensors[index]
    values = interpreter.tensor(index).astype(np.float64)
    return (values - tensor.zero_points[0]) * tensor.scales[0] if tensor.scales else values
