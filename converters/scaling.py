"""What a source model's float input means in bytes of a picture."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from converters.errors import ConversionError

TOLERANCE = 1e-6
"""Relative: float32 holds 1/255 this well."""


class Scaling(Struct, frozen=True):
    """real = (byte / 255 - mean) / std, one number for all channels or one for each.

    Models trained on x / 255 have (0, 1), the default; on x / 127.5 - 1 they have (0.5, 0.5).
    """

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    @property
    def scalar(self) -> bool:
        """True if the input's quantization alone can express it; else two operators must."""
        return len(set(self.mean)) == 1 and len(set(self.std)) == 1

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The source's float input for bytes; the channels are the last axis."""
        mean, std = np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)
        return np.asarray((pixels.astype(np.float32) / np.float32(255) - mean) / std, np.float32)

    def quantization(self) -> tuple[float, float]:
        """(scale, zero point) of a uint8 input whose raw values are the bytes; the point may fall between two."""
        if not self.scalar:
            return 1 / 255, 0.0  # the graph does the rest
        return 1 / (255 * self.std[0]), self.mean[0] * 255

    def agrees(self, scale: float, zero_point: int) -> bool:
        """True if a uint8 input so quantized takes raw bytes, at most half a grey level aside."""
        wanted, point = self.quantization()
        return abs(scale - wanted) <= TOLERANCE * wanted and abs(zero_point - point) <= 0.5 + TOLERANCE


def scaling_of(
    span: tuple[float, float] | None, mean: tuple[float, ...] | None, std: tuple[float, ...] | None, channels: int
) -> Scaling:
    """From what the command line says. span: the source's values for byte 0 and byte 255.

    Raises ConversionError if that is contradictory or nothing that bytes can express.
    """
    if span is not None and (mean is not None or std is not None):
        raise ConversionError("--range and --mean/--std say the same thing twice: give one")
    if span is not None:
        low, high = span
        if not low < high:
            raise ConversionError(f"--range {low:g},{high:g}: the first must be below the second")
        mean, std = (-low / (high - low),), (1 / (high - low),)
    scaling = Scaling(mean or (0.0,), std or (1.0,))
    for name, values in (("mean", scaling.mean), ("std", scaling.std)):
        if len(values) not in (1, channels) or not np.isfinite(values).all():
            raise ConversionError(f"--{name}: 1 or {channels} numbers are expected, got {len(values)}")
    if min(scaling.std) <= 0:
        raise ConversionError("--std: must be > 0")
    if scaling.scalar and not 0 <= scaling.mean[0] <= 1:
        raise ConversionError("--range/--mean: 0 must lie within the input's range")
    return scaling
