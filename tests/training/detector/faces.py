"""Small sets of photos with drawn faces, and a teacher that finds them, for tests."""

from pathlib import Path

import cv2
import numpy as np

from edge.messages import Box, Face

NOISE = np.random.default_rng(9)


def photo(width: int, height: int, spots: list[tuple[int, int, int]]) -> np.ndarray:
    """A dim, noisy wall with bright discs: (centre x, centre y, radius)."""
    luma = NOISE.integers(20, 60, (height, width), np.uint8)
    for x, y, radius in spots:
        cv2.circle(luma, (x, y), radius, 250, -1)
    return luma


def write_set(folder: Path, photos: dict[str, tuple[np.ndarray, list[tuple[int, int, int]]]]) -> None:
    """A set's folder: its photos as PNG and the discs' squares in boxes.csv."""
    folder.mkdir(parents=True)
    lines = ["image,x,y,w,h,label"]
    for name, (luma, spots) in photos.items():
        cv2.imwrite(str(folder / name), luma)
        lines += [f"{name},{x - r},{y - r},{2 * r},{2 * r}," for x, y, r in spots]
    (folder / "boxes.csv").write_text("\n".join(lines) + "\n")


class Spots:
    """A detector of bright discs of 6 px and more."""

    def detect(self, luma: np.ndarray) -> list[Face]:
        count, _, stats, _ = cv2.connectedComponentsWithStats((luma > 200).astype(np.uint8))
        found = []
        for x, y, width, height, _ in stats[1:count]:
            if width >= 6:
                found.append(Face(Box(x, y, x + width, y + height), min(0.9, width / 40)))
        return sorted(found, key=lambda face: -face.score)
