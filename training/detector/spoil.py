"""What cameras and light do to a picture: dim, flat, blurred, noisy, compressed."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def spoil(luma: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A copy as another camera might have taken it; a third of the pictures stay nearly as they are."""
    picture = relight(luma, rng) if rng.random() < 0.7 else luma.astype(np.float32)
    if rng.random() < 0.2:
        picture = blur(picture, rng)
    if rng.random() < 0.3:
        picture += np.float32(rng.uniform(1, 14)) * noise(picture.shape, rng)
    spoilt = np.clip(picture, 0, 255).astype(np.uint8)
    if rng.random() < 0.25:
        _, packed = cv2.imencode(".jpg", spoilt, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))])
        spoilt = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)
    return spoilt


@cache
def noise_pool() -> NDArray[np.float32]:
    """Normal noise, drawn once: drawing it anew takes longer than the rest of a picture."""
    return np.random.default_rng(9).standard_normal(1 << 21).astype(np.float32)


def noise(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    pool, needed = noise_pool(), int(np.prod(shape))
    start = int(rng.integers(len(pool)))
    return pool.take(np.arange(start, start + needed), mode="wrap").reshape(shape)


def relight(luma: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """Another exposure and contrast, now and then a light from one side or infrared's flat, bright skin."""
    levels = 255 * (np.arange(256, dtype=np.float32) / 255) ** np.float32(np.exp(rng.uniform(-0.7, 0.7)))
    if rng.random() < 0.1:
        levels = 255 * np.sqrt(levels / 255)
    contrast, brightness = np.exp(rng.uniform(-0.6, 0.25)), rng.uniform(-35, 35)
    levels = (levels - 128) * np.float32(contrast) + np.float32(128 + brightness)
    bent = np.asarray(cv2.LUT(luma, levels), np.float32)
    if rng.random() < 0.2:
        height, width = luma.shape
        angle, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.8)
        across = (
            np.cos(angle) * np.linspace(-1, 1, width)[None] + np.sin(angle) * np.linspace(-1, 1, height)[:, None]
        )
        bent = bent * (1 - depth * (across + 1.5) / 3).astype(np.float32)
    return np.asarray(bent, np.float32)


def blur(picture: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Out of focus, or moved while exposed."""
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.4, 1.6))), np.float32)
    length = int(rng.integers(2, 8))
    kernel = np.zeros((length, length), np.float32)
    end = (int(rng.integers(length)), length - 1) if rng.random() < 0.5 else (length - 1, int(rng.integers(length)))
    cv2.line(kernel, (0, 0), end, (1.0,))
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), np.float32)
