"""A float TFLite file in int8: AI Edge Quantizer gives it ranges, this module the input of raw bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from converters.errors import ConversionError
from converters.flatbuffer import read_graph
from converters.repack import pack_model, unpack_model
from converters.scaling import Scaling


def requantize(content: bytes, values: NDArray[np.float32], scaling: Scaling, where: str) -> bytes:
    """The whole int8 form of a float flatbuffer.

    values: calibration inputs as the model takes them, float (n, height, width, channels).
    Raises ConversionError where the quantizer is missing or fails.
    """
    try:
        from ai_edge_quantizer import quantizer, recipe
    except ImportError as error:
        raise ConversionError(
            f"{where}: a float .tflite needs ai-edge-quantizer (pip install ai-edge-quantizer), "
            "or give the model that it was made from"
        ) from error
    if not scaling.scalar:
        raise ConversionError(f"{where}: --mean/--std by channel needs the model that the .tflite was made from")
    graph = read_graph(content, where)
    try:
        entry = graph.tensors[graph.inputs[0]].name
        ranges = _ranges(content, recipe.static_wi8_ai8(), values, entry)
        for end, byte in (("min", 0), ("max", 255)):
            value = scaling.apply(np.array([[byte]], np.uint8))[0, 0]
            ranges[entry][end] = np.full_like(ranges[entry][end], value)
        job = quantizer.Quantizer(bytearray(content), recipe.static_wi8_ai8())
        quantized = bytes(job.quantize(ranges).quantized_model)
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ConversionError(f"{where}: AI Edge Quantizer failed: {reason}") from error
    return with_byte_input(quantized)


def with_byte_input(content: bytes) -> bytes:
    """An int8 flatbuffer whose input takes uint8: a QUANTIZE step in front shifts raw bytes by 128."""
    from ai_edge_litert import schema_py_generated as schema

    model = unpack_model(content)
    subgraph = model.subgraphs[0]
    old = int(subgraph.inputs[0])
    inner = subgraph.tensors[old]
    outer = schema.TensorT()
    outer.name, outer.type, outer.buffer = b"image", schema.TensorType.UINT8, 0
    outer.shape, outer.shapeSignature = inner.shape, inner.shapeSignature
    outer.hasRank = inner.hasRank
    outer.quantization = schema.QuantizationParametersT()
    outer.quantization.scale = inner.quantization.scale
    outer.quantization.zeroPoint = [int(inner.quantization.zeroPoint[0]) + 128]
    subgraph.tensors.append(outer)
    new = len(subgraph.tensors) - 1
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.QUANTIZE
    code.version = 1
    model.operatorCodes.append(code)
    step = schema.OperatorT()
    step.opcodeIndex = len(model.operatorCodes) - 1
    step.inputs, step.outputs = [new], [old]
    subgraph.operators.insert(0, step)
    subgraph.inputs = [new]
    for signature in model.signatureDefs or []:
        for entry in signature.inputs or []:
            if entry.tensorIndex == old:
                entry.tensorIndex = new
    return pack_model(model)


def _ranges(content: bytes, recipe: Any, values: NDArray[np.float32], entry: str) -> dict[str, dict[str, Any]]:
    """Smallest and largest value of each tensor over all samples; the quantizer's own average forgets extremes."""
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import calibrator, recipe_manager
    from ai_edge_quantizer.utils import qsv_utils

    signatures = Interpreter(model_content=content).get_signature_list()
    key = next(iter(signatures), None)
    name = signatures[key]["inputs"][0] if key else entry
    manager = recipe_manager.RecipeManager()
    manager.load_quantization_recipe(recipe)
    observer = calibrator.Calibrator(content, num_threads=1, qsv_update_func=qsv_utils.min_max_update)
    observer.calibrate({key: [{name: value[np.newaxis]} for value in values]}, manager)
    ranges: dict[str, dict[str, Any]] = observer.get_model_qsvs()
    return ranges
