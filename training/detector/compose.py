"""Training pictures, composed anew each time: cut-outs and mosaics of photos, pasted FER faces, bad cameras.

The n-th picture of a seed is always the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from training.detector.boxes import IGNORED, iou_matrix
from training.detector.covered import cover
from training.detector.material import Material, Picture
from training.detector.scenes import place_face
from training.detector.spoil import spoil

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_FACES = 24
SIZES_PX = (12.0, 280.0)
"""The longer side that a photo's face is brought to, evenly on a logarithmic scale."""

PASTED_PX = (14, 280)
PASTED_OUTSIDE = 0.2
"""How much of a pasted face's side may lie beyond the picture's edge."""

HARD = 0.5
"""How often a scene is drawn by how much of a face was found in it, once that is known."""

PASTED_SURE = 0.95
"""FER's faces are faces whatever the teacher makes of them: it is asked for their boxes alone."""

COVERED = 0.3
"""The share of pasted faces that wear a mask."""

LEARNT_PX = 10.0
"""Smaller faces are ignored: what is left of them is as often a stain."""

PLAIN_PX = 32.0
DOUBT = 0.4
"""Below PLAIN_PX each halving takes this share of a face's score: a find so small is less often right, because a
few pixels decide whether its box is, and it must not drive the threshold up for faces that can be read.
"""

CROWD = 8
MOST_ENLARGED = 2.5
LEAST_VISIBLE = 0.6


def compose(material: Material, side_px: int, seed: tuple[int, ...]) -> Picture:
    """A square picture; at most MAX_FACES of its faces are to be learnt."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(3, p=[0.38, 0.3, 0.32])
    if kind == 0:
        picture = cut_photo(material, (side_px, side_px), rng)
    elif kind == 1:
        picture = mosaic(material, side_px, rng)
    else:
        picture = Picture(cut_scene(material, (side_px, side_px), rng), np.zeros((0, 5), np.float32))
    if rng.random() < (0.8 if kind == 2 else 0.5):
        picture = paste(picture, material, rng)
    if rng.random() < 0.5:
        picture = mirror(picture)
    picture = Picture(spoil(picture.luma, rng), picture.faces)
    if rng.random() < 0.25:
        picture = padded(picture, rng)
    faces = picture.faces
    sides_px = (faces[:, 2:4] - faces[:, :2]).max(axis=1, initial=0)
    sure = faces[:, 4] > 0
    faces[sure, 4] *= certainty(sides_px[sure])
    faces[sides_px < LEARNT_PX, 4] = IGNORED
    faces = faces[np.argsort(-faces[:, 4], kind="stable")][:MAX_FACES]
    return Picture(picture.luma, faces)


def certainty(sides_px: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is left of the scores of faces of such longer sides."""
    halvings = np.log2(PLAIN_PX / np.clip(sides_px, LEARNT_PX, PLAIN_PX))
    return np.asarray(np.maximum(1 - DOUBT * halvings, 0.5), np.float32)


def calibration_set(material: Material, size: tuple[int, int], count: int, seed: int) -> NDArray[np.uint8]:
    """Pictures that show an int8 converter what the network meets: uint8 (count, height, width)."""
    pictures = []
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        picture = cut_photo(material, size, rng)
        pictures.append(spoil(picture.luma, rng))
    return np.stack(pictures)


def cut_photo(material: Material, size: tuple[int, int], rng: np.random.Generator) -> Picture:
    """One of a photo's faces at a size drawn, somewhere in the cut-out; what the photo does not fill is a scene."""
    photo, sure = draw_photo(material, rng)
    face = photo.faces[rng.choice(sure), :4]
    largest = min(SIZES_PX[1], 0.95 * min(size) * 1.2)
    wanted = float(np.exp(rng.uniform(np.log(SIZES_PX[0]), np.log(max(largest, SIZES_PX[0] + 1)))))
    factor = min(wanted / max(face[2] - face[0], face[3] - face[1], 1.0), MOST_ENLARGED)
    # The face's centre lands anywhere; where it is larger than the cut-out some of it is lost.
    target = rng.uniform(0.15, 0.85, 2) * size
    corner = (face[:2] + face[2:]) / 2 * factor - target
    covered = all(own * factor >= side + 1 for own, side in zip(photo.luma.shape[::-1], size, strict=True))
    under = np.zeros(size[::-1], np.uint8) if covered else cut_scene(material, size, rng)
    return cut(photo, factor, corner, size, under)


def draw_photo(material: Material, rng: np.random.Generator) -> tuple[Picture, NDArray[np.intp]]:
    """(photo, rows of its sure faces): every face comes up as often as any other, but for CROWDs."""
    while True:
        photo = material.photos[rng.integers(len(material.photos))]
        sure = np.flatnonzero(photo.faces[:, 4] > 0)
        if rng.random() * CROWD < len(sure):
            return photo, sure


def cut(
    photo: Picture, factor: float, corner: NDArray[np.float64], size: tuple[int, int], under: NDArray[np.uint8]
) -> Picture:
    """The photo, scaled, from a corner on (x, y in scaled pixels), laid over a scene of size (width, height)."""
    width, height = max(1, round(photo.luma.shape[1] * factor)), max(1, round(photo.luma.shape[0] * factor))
    # A photo that is smaller than the cut-out lies wholly inside it; a larger one leaves no gap.
    x, y = (
        int(np.clip(round(float(at)), min(0, own - side), max(0, own - side)))
        for at, own, side in zip(corner, (width, height), size, strict=True)
    )
    left, top = max(0, -x), max(0, -y)
    shown = min(width, x + size[0]) - max(0, x), min(height, y + size[1]) - max(0, y)
    if factor < 1:
        scaled = cv2.resize(photo.luma, (width, height), interpolation=cv2.INTER_AREA)
        part = scaled[max(0, y) : max(0, y) + shown[1], max(0, x) : max(0, x) + shown[0]]
    else:
        part = enlarged_part(photo.luma, (width, height), (max(0, x), max(0, y)), shown)
    luma = under.copy()
    luma[top : top + part.shape[0], left : left + part.shape[1]] = part
    faces = photo.faces.copy()
    faces[:, :4] = faces[:, :4] * factor - [x, y, x, y]
    return Picture(luma, clipped(faces, size))


def enlarged_part(
    luma: NDArray[np.uint8], whole: tuple[int, int], corner: tuple[int, int], size: tuple[int, int]
) -> NDArray[np.uint8]:
    """What cv2.resize to `whole` (width, height) would show from a corner on; the rest is not computed."""
    steps = [own / all_of for own, all_of in zip(luma.shape[::-1], whole, strict=True)]
    (x, y), (across, down) = corner, steps
    back = np.array([[across, 0, (x + 0.5) * across - 0.5], [0, down, (y + 0.5) * down - 0.5]])
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(luma, back, size, flags=how, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def clipped(faces: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """The faces that can be seen in (width, height), cut off at its edge; little of one left is ignored."""
    inside = faces.copy()
    inside[:, [0, 2]] = faces[:, [0, 2]].clip(0, size[0])
    inside[:, [1, 3]] = faces[:, [1, 3]].clip(0, size[1])
    whole = (faces[:, 2:4] - faces[:, :2]).prod(axis=1)
    seen = (inside[:, 2:4] - inside[:, :2]).prod(axis=1) / np.maximum(whole, 1e-6)
    inside[seen < LEAST_VISIBLE, 4] = IGNORED
    return np.asarray(inside[seen > 0.05], np.float32)


def mosaic(material: Material, side_px: int, rng: np.random.Generator) -> Picture:
    """Four cut-outs that meet in a point; one in four is a scene."""
    split_x, split_y = (int(at) for at in rng.integers(side_px // 4, 3 * side_px // 4, 2))
    luma = np.empty((side_px, side_px), np.uint8)
    faces = []
    for x, width in ((0, split_x), (split_x, side_px - split_x)):
        for y, height in ((0, split_y), (split_y, side_px - split_y)):
            if rng.random() < 0.25:
                luma[y : y + height, x : x + width] = cut_scene(material, (width, height), rng)
                continue
            part = cut_photo(material, (width, height), rng)
            luma[y : y + height, x : x + width] = part.luma
            faces.append(part.faces + np.array([x, y, x, y, 0], np.float32))
    return Picture(luma, np.concatenate(faces) if faces else np.zeros((0, 5), np.float32))


def cut_scene(material: Material, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A random part of a random scene, no more enlarged than it must be: uint8 (height, width)."""
    scene = material.scenes[draw_scene(material, rng)]
    smallest = max(size[0] / scene.shape[1], size[1] / scene.shape[0])
    factor = max(smallest, float(np.exp(rng.uniform(np.log(0.5), np.log(1.5)))))
    width, height = (max(own, round(side * factor)) for own, side in zip(size, scene.shape[::-1], strict=True))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(scene, (width, height), interpolation=method)
    x, y = int(rng.integers(width - size[0] + 1)), int(rng.integers(height - size[1] + 1))
    return np.asarray(scaled[y : y + size[1], x : x + size[0]], np.uint8)


def draw_scene(material: Material, rng: np.random.Generator) -> int:
    if len(material.hardness) and rng.random() < HARD:
        return int(rng.choice(len(material.scenes), p=material.hardness))
    return int(rng.integers(len(material.scenes)))


def paste(picture: Picture, material: Material, rng: np.random.Generator) -> Picture:
    """FER faces where no face is; and, by the very same blending, patches of scenes, else the seam is learnt."""
    luma, faces = picture.luma, picture.faces
    side_px = luma.shape[0]
    for _ in range(int(rng.integers(1, 7))):
        side = round(float(np.exp(rng.uniform(np.log(PASTED_PX[0]), np.log(min(PASTED_PX[1], 1.1 * side_px))))))
        beyond = PASTED_OUTSIDE * side
        x, y = (round(float(at)) for at in rng.uniform(-beyond, side_px - side + beyond, 2))
        around = np.array([[x, y, x + side, y + side]]) + np.array([-0.3, -0.3, 0.3, 0.3]) * side
        if iou_matrix(around, faces[:, :4]).any():
            continue
        if rng.random() < 0.3:
            luma, _ = place_face(luma, cut_scene(material, (48, 48), rng), side, (x, y))
            continue
        number = int(rng.integers(len(material.crops)))
        crop, box = material.crops[number], material.crop_faces[number].copy()
        if rng.random() < 0.5:
            crop = np.ascontiguousarray(crop[:, ::-1])
            box = box[[2, 1, 0, 3, 4]] * [-1, 1, -1, 1, 1] + [1, 0, 1, 0, 0]
        box[4] = max(box[4], PASTED_SURE)
        if rng.random() < COVERED:
            crop = cover(crop, box, rng)
        under = luma[max(0, y) : y + side, max(0, x) : x + side]
        luma, _ = place_face(luma, matched(crop, under, rng), side, (x, y))
        box[:4] = box[:4] * side + [x, y, x, y]
        faces = np.concatenate([faces, clipped(box[None].astype(np.float32), (side_px, side_px))])
    return Picture(luma, faces)


def matched(crop: NDArray[np.uint8], under: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The crop part of the way to the light of the place it comes to."""
    share = rng.uniform(0, 0.7)
    own = crop.astype(np.float32)
    spread = (1 - share) + share * max(float(under.std()), 20.0) / max(float(own.std()), 1.0)
    middle = own.mean() * (1 - share) + share * float(under.mean())
    return np.asarray(np.clip((own - own.mean()) * min(spread, 1.5) + middle, 0, 255), np.uint8)


def padded(picture: Picture, rng: np.random.Generator) -> Picture:
    """Black at the right and below, as a frame is padded to a multiple of 32."""
    height, width = picture.luma.shape
    right, below = (int(rng.choice([0, side])) for side in rng.integers(1, 32, 2))
    luma = picture.luma.copy()
    luma[height - below :], luma[:, width - right :] = 0, 0
    return Picture(luma, clipped(picture.faces, (width - right, height - below)))


def mirror(picture: Picture) -> Picture:
    faces = picture.faces.copy()
    faces[:, [0, 2]] = picture.luma.shape[1] - picture.faces[:, [2, 0]]
    return Picture(np.ascontiguousarray(picture.luma[:, ::-1]), faces)
