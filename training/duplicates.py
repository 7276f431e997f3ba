"""Pictures that stand more than once: exact copies, and near ones by a perceptual hash.

FER-2013 was collected by image search: the same photo comes back with other crops, contrasts and even labels, and
some stand in training and test alike. Mirrored copies are so rare (5 pairs of 32,137) that none are looked for.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

HASH_PX = 8
"""An image's hash is the signs of its lowest 8 x 8 cosine terms, the mean left out: 63 bits."""

MAX_BITS_APART = 6
MIN_CORRELATION = 0.95
BLOCK = 1024


def perceptual_hash(pixels: NDArray[np.uint8]) -> NDArray[np.int8]:
    """63 signs a picture, +1 or -1: copies that differ in size, contrast or noise agree in nearly all.

    pixels: uint8, shape (n, side, side), side even. Returns int8, shape (n, 63).
    """
    terms = np.empty((len(pixels), HASH_PX * HASH_PX - 1), np.float32)
    for number, picture in enumerate(pixels):
        spectrum = cv2.dct(picture.astype(np.float32))
        terms[number] = spectrum[:HASH_PX, :HASH_PX].ravel()[1:]
    return np.where(terms > 0, 1, -1).astype(np.int8)


def duplicate_pairs(pixels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Rows that show the same picture: shape (pairs, 2), first < second.

    A pair has hashes at most MAX_BITS_APART bits apart and pixels that correlate by MIN_CORRELATION or more;
    faces are alike enough that the hash alone would take strangers for copies.
    pixels: uint8, shape (n, side, side).
    """
    signs = perceptual_hash(pixels).astype(np.float32)
    flat = pixels.reshape(len(pixels), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    least_agreement = signs.shape[1] - 2 * MAX_BITS_APART
    found = []
    for start in range(0, len(signs), BLOCK):
        agreement = signs[start : start + BLOCK] @ signs[start:].T
        first, second = np.nonzero(agreement >= least_agreement)
        first, second = first[second > first] + start, second[second > first] + start
        for part in range(0, len(first), BLOCK):
            a, b = first[part : part + BLOCK], second[part : part + BLOCK]
            same = np.einsum("ij,ij->i", flat[a], flat[b]) >= MIN_CORRELATION
            found.append(np.stack([a[same], b[same]], axis=1))
    return np.concatenate(found) if found else np.empty((0, 2), np.intp)


def duplicate_groups(pixels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """For every row the first row that shows the same picture (itself, where it stands alone): shape (n,)."""
    groups = np.arange(len(pixels))

    def first_of(row: int) -> int:
        while groups[row] != row:
            groups[row] = groups[groups[row]]
            row = int(groups[row])
        return row

    for a, b in duplicate_pairs(pixels):
        low, high = sorted((first_of(int(a)), first_of(int(b))))
        groups[high] = low
    return np.array([first_of(row) for row in range(len(groups))], np.intp)
