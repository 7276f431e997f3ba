"""A float model as a TFLite flatbuffer: whole int8, or one of the two second-best forms."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from converters.audit import audit, short
from converters.errors import ConversionError
from converters.flatbuffer import Graph, read_graph
from converters.requantize import requantize
from converters.scaling import Scaling
from converters.sources import Source
from converters.sources.tflite import TFLiteSource

Precision = Literal["int8", "float16", "dynamic-range"]
PRECISIONS = get_args(Precision)
FAKE_QUANT = b"FakeQuantWithMinMaxVars"
NO_CALIBRATION = "--calibration is missing: int8 ranges come from samples"


def convert(source: Source, scaling: Scaling, precision: Precision, pixels: NDArray[np.uint8] | None) -> bytes:
    """The flatbuffer of a source.

    pixels: what calibrates an int8 model, uint8 (n, height, width, channels); a source trained with fake
    quantization brings its own ranges and needs none. Raises ConversionError, naming operator and layer.
    """
    if isinstance(source, TFLiteSource):
        content = _requantized(source, scaling, precision, pixels)
        check_int8(read_graph(content, str(source.path)), scaling, str(source.path))
        return content
    flat = precision == "int8" and scaling.scalar
    mean, std = ((0.0,), (1.0,)) if flat else (scaling.mean, scaling.std)
    with tempfile.TemporaryDirectory(prefix="mien-convert-") as folder:
        source.saved_model(Path(folder), mean, std)
        quantized = is_quantization_aware(Path(folder))
        if precision == "int8" and not quantized and pixels is None:
            raise ConversionError(f"{source.path}: {NO_CALIBRATION}")
        values = None if quantized or pixels is None else _values(pixels, scaling if flat else Scaling())
        content = run_converter(Path(folder), precision, values, str(source.path))
    if precision == "int8":
        check_int8(read_graph(content, str(source.path)), scaling, str(source.path))
    return content


def _requantized(
    source: TFLiteSource, scaling: Scaling, precision: Precision, pixels: NDArray[np.uint8] | None
) -> bytes:
    if precision != "int8":
        raise ConversionError(f"{source.path}: {precision} needs the model that the .tflite was made from")
    if pixels is None:
        raise ConversionError(f"{source.path}: {NO_CALIBRATION}")
    return requantize(source.content, scaling.apply(pixels), scaling, str(source.path))


def is_quantization_aware(folder: Path) -> bool:
    """True if a SavedModel holds fake-quantization operators, whose ranges are kept."""
    return FAKE_QUANT in (folder / "saved_model.pb").read_bytes()


def run_converter(
    folder: Path, precision: Precision | Literal["float32"], values: NDArray[np.float32] | None, where: str
) -> bytes:
    """What TFLiteConverter makes of a SavedModel. Raises ConversionError.

    values: float calibration inputs (n, height, width, channels); None for a quantization-aware model.
    """
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if precision == "int8":
        converter.inference_input_type, converter.inference_output_type = tf.uint8, tf.int8
        if values is not None:
            converter.representative_dataset = _one_by_one(values)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    try:
        return bytes(converter.convert())
    except Exception as error:
        raise ConversionError(f"{where}: {explain(str(error))}") from error


def explain(message: str) -> str:
    """One line from the converter's pages, naming the operators it has no answer to and their layers."""
    found = dict.fromkeys(re.findall(r"'(tf\.[\w.]+)' op is neither a custom op nor a flex op", message))
    if found:
        layers = dict.fromkeys(
            layer for layer in re.findall(r'"([^"\s:]+):?"', message) if "/" in layer and "." not in layer
        )
        where = f" (layer {short(next(iter(layers)))})" if layers else ""
        return f"TFLite has no operator for {', '.join(found)}{where}"
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    reason = next((line for line in lines if "error:" in line), lines[0] if lines else "no reason given")
    return f"TFLiteConverter failed: {reason[:300]} (--verbose shows all it says)"


def check_int8(graph: Graph, scaling: Scaling, where: str) -> None:
    """Raises ConversionError unless everything inside is of integers and the input takes raw bytes."""
    report = audit(graph)
    if report.problems:
        more = f" and {len(report.problems) - 1} more" if len(report.problems) > 1 else ""
        raise ConversionError(f"{where}: not whole in int8: {report.problems[0]}{more}")
    entry = report.inputs[0]
    if entry.dtype != "uint8" or not scaling.agrees(entry.scale, entry.zero_point):
        scale, point = scaling.quantization()
        raise ConversionError(
            f"{where}: input is {entry.dtype} with scale {entry.scale:.8g} and zero point {entry.zero_point}, "
            f"not uint8 with {scale:.8g} and {point:g}: its fake quantization must span the whole range"
        )
    for port in report.outputs:
        if port.dtype != "int8":
            raise ConversionError(f"{where}: output {port.name} is {port.dtype}, not int8")


def _values(pixels: NDArray[np.uint8], scaling: Scaling) -> NDArray[np.float32]:
    """Calibration inputs; the first one's corner holds a 0 and a 255, so that the range is whole."""
    spanning = pixels.copy()
    spanning[0, 0, 0], spanning[0, -1, -1] = 0, 255
    return scaling.apply(spanning)


def _one_by_one(values: NDArray[np.float32]) -> Callable[[], Iterator[list[Any]]]:
    def batches() -> Iterator[list[Any]]:
        for value in values:
            yield [value[np.newaxis]]

    return batches
