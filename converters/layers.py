"""How much of each layer's signal survives quantization, to name the layer that hurts."""

from __future__ import annotations

import math

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from converters.audit import short
from converters.flatbuffer import Graph, read_graph
from edge.model.interpreter import Interpreter

CLEAN_DB = 99.0
"""Reported where there is no noise to speak of; infinity is no JSON."""


class LayerNoise(Struct, frozen=True):
    """sqnr_db: power of the float layer's output over the power of its difference to the quantized one's."""

    layer: str
    operator: str
    sqnr_db: float


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
    layers = [
        LayerNoise(short(ours.layer(ours.operators[k])), ours.operators[k].name, decibel(signal[n], noise[n]))
        for n, (k, _, _) in enumerate(pairs)
    ]
    return layers, len(ours.operators) - len(pairs)


def decibel(signal: float, noise: float) -> float:
    """The ratio of two powers; 0 where there is neither."""
    if noise <= 0:
        return CLEAN_DB if signal > 0 else 0.0
    return min(CLEAN_DB, 10 * math.log10(max(signal, 1e-30) / noise))


def _pairs(ours: Graph, theirs: Graph) -> list[tuple[int, int, int]]:
    """(operator, its tensor, the float tensor of the same name and shape)."""
    made = {t.name: t for op in theirs.operators for t in (theirs.tensors[i] for i in op.outputs)}
    found = []
    for operator in ours.operators:
        for index in operator.outputs[:1]:
            tensor = ours.tensors[index]
            twin = made.get(tensor.name)
            if twin is not None and twin.shape == tensor.shape and twin.dtype == "float32":
                found.append((operator.index, index, twin.index))
    return found


def _real(graph: Graph, index: int, interpreter: Interpreter) -> NDArray[np.float64]:
    tensor = graph.tensors[index]
    values = interpreter.tensor(index).astype(np.float64)
    return (values - tensor.zero_points[0]) * tensor.scales[0] if tensor.scales else values
