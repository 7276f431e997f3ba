"""The first look at a fresh conversion, on its own calibration samples; `verify` is the thorough one."""

from __future__ import annotations

import numpy as np

from converters.candidate import raw_input
from converters.errors import ConversionError
from converters.samples import Samples
from converters.scaling import Scaling
from converters.sources import Source
from edge.model.interpreter import Interpreter, dequantize

SAMPLES = 64


def prove_conversion(
    content: bytes,
    source: Source,
    scaling: Scaling,
    samples: Samples | None,
    *,
    labels: tuple[str, ...] | None,
    precision: str,
) -> str:
    """What to tell the user. Raises ConversionError if the file does not run, has collapsed or lacks labels."""
    where = str(source.path)
    interpreter = Interpreter(content, where=where)
    shapes = [tuple(int(side) for side in details["shape"]) for details in interpreter.outputs]
    if labels is not None and (len(shapes) != 1 or shapes[0][-1] != len(labels)):
        text = ", ".join(str(shape) for shape in shapes)
        raise ConversionError(
            f"{where}: {len(labels)} labels for outputs of shape {text}: one for each is expected"
        )
    notes = ["int8 throughout" if precision == "int8" else f"{precision}, second best: it computes in float"]
    if samples is None:
        return notes[0]
    pixels = samples.pixels[np.linspace(0, len(samples.pixels) - 1, min(SAMPLES, len(samples.pixels))).astype(int)]
    found = np.stack([interpreter.invoke(raw_input(picture, interpreter.input))[0][0] for picture in pixels])
    wanted = source.predict(scaling.apply(pixels))
    if _constant(found) and not any(_constant(array) for array in wanted):
        raise ConversionError(f"{where}: int8 has collapsed: it answers {len(pixels)} different samples alike")
    if len(shapes) == 1 and found.ndim == 2 and found.shape[1] > 1:
        values = dequantize(found, interpreter.outputs[0])
        agreement = float((values.argmax(axis=1) == wanted[0].argmax(axis=1)).mean())
        notes.append(f"agrees with its source on {agreement:.1%} of {len(pixels)} calibration samples")
    return "; ".join(notes)


def _constant(outputs: np.ndarray) -> bool:  # type: ignore[type-arg]
    return len(outputs) > 1 and bool((outputs == outputs[0]).all())
