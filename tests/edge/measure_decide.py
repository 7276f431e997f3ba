"""What mirroring is worth, and how false changes on a calm face trade against the time to notice a real one.

    python tests/edge/measure_decide.py fer2013.npz [--faces 200] [--model emotion] [--settings 0.7 0.4 0.2 ...]

Clips are composed from the validation tenth, which trains nothing: a face that sways, nods and comes and goes by a
few per cent (one smooth path, walked at random), under a light and with a noise that change with every frame. A
calm face is a neutral one by its label, watched for a minute. A real change is a cut from a neutral face to one of
another emotion; only faces that the model reads rightly in their mean are taken, for what it never sees it cannot
notice.
docs/DECISIONS.md holds what this prints.
"""

# ruff: noqa: T201  (it prints)

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.classify import Classifier
from edge.config import DecideConfig
from edge.decide import Opinion
from edge.messages import Box, Face, Track
from edge.model.package import model_path, open_model
from edge.model.preprocess import resize_face
from training.evaluate import VALIDATION, Sample, sample_of
from training.readers import read_faces

FPS = 15
POSES = 48
CALM_S, SETTLED_S, BEFORE_S, AFTER_S = 60.0, 3.0, 5.0, 6.0
TRACK = Track("a", Face(Box(0, 0, 48, 48), 1.0), 0.0, 0.0, 9, visible=True)


def poses(face: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Shape (POSES, 48, 48): the face on a closed path of shifts to 2 px, scales to 5 % and turns to 4 degrees."""
    phase = rng.uniform(0, 2 * np.pi, 4)
    turns = 2 * np.pi * np.arange(POSES) / POSES
    seen = []
    for angle in turns:
        x, y = 2 * np.sin(angle + phase[0]), 2 * np.sin(2 * angle + phase[1])
        matrix = cv2.getRotationMatrix2D(
            (23.5, 23.5), 4 * np.sin(angle + phase[2]), 1 + 0.05 * np.sin(angle + phase[3])
        )
        matrix[:, 2] += x, y
        moved = cv2.warpAffine(face, matrix, (48, 48), borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
        lit = moved * rng.uniform(0.92, 1.08) + rng.uniform(-8, 8) + rng.normal(0, 4, moved.shape)
        seen.append(np.clip(lit, 0, 255).astype(np.uint8))
    return np.stack(seen)


class Reader:
    """Scores of every pose of a face, plain and mirrored: float32 (2, POSES, labels)."""

    def __init__(self, classifier: Classifier, side: int) -> None:
        self.classifier, self.side = classifier, side

    def read(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        views = [[self.one(crop, mirrored=mirrored) for crop in crops] for mirrored in (False, True)]
        return np.array(views, np.float32)

    def one(self, crop: NDArray[np.uint8], *, mirrored: bool) -> NDArray[np.float32]:
        return self.classifier.classify_crop(resize_face(crop, self.side, mirrored=mirrored))


def walk(frames: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Which pose is seen in each frame."""
    return np.asarray((rng.integers(POSES) + rng.integers(-2, 3, frames).cumsum()) % POSES, np.intp)


def clip(
    scores: NDArray[np.float32], seconds: float, rng: np.random.Generator, *, mirror: bool
) -> NDArray[np.float32]:
    """Shape (frames, labels), as the classifier gives them one after the other."""
    frames = round(seconds * FPS)
    views = np.arange(frames) % 2 if mirror else np.zeros(frames, int)
    return scores[views, walk(frames, rng)]


def changes(
    clip_scores: NDArray[np.float32], labels: tuple[str, ...], config: DecideConfig
) -> list[tuple[float, str]]:
    """(seconds, emotion) of each decision."""
    opinion, decided = Opinion(TRACK, labels, config), []
    for number, scores in enumerate(clip_scores):
        time_s = number / FPS
        opinion.add(time_s, scores)
        if opinion.decide(time_s):
            assert opinion.emotion is not None
            decided.append((time_s, opinion.emotion))
    return decided


def mirroring(reader: Reader, sample: Sample) -> None:
    views = np.array(
        [[reader.one(face, mirrored=mirrored) for face in sample.faces.pixels] for mirrored in (False, True)]
    )
    right = [float((views[side].argmax(1) == sample.truth).mean()) for side in (0, 1)]
    both = float((views.mean(0).argmax(1) == sample.truth).mean())
    print(f"mirroring, N = {len(sample.truth)}, {sample.labels}, {sample.rule}")
    print(f"  plain {100 * right[0]:.2f} %  mirrored {100 * right[1]:.2f} %  mean of both {100 * both:.2f} %")
    differ = float((views[0].argmax(1) != views[1].argmax(1)).mean())
    print(f"  the two views name different emotions for {100 * differ:.1f} % of the faces")


def whole_grid() -> list[tuple]:
    """(window_s, min_duration_s, margin, mirrored): around the defaults, one thing changed at a time."""
    window, duration, margin = (getattr(DecideConfig(), name) for name in ("window_s", "min_duration_s", "margin"))
    return [
        *((each, duration, margin, True) for each in (0.01, 0.3, 0.5, 0.7, 1.0, 1.5, 2.5)),
        *((window, each, margin, True) for each in (0.0, 0.2, 0.8, 1.5)),
        *((window, duration, each, True) for each in (0.0, 0.05, 0.1, 0.2, 0.25, 0.3)),
        (window, duration, margin, False),
    ]


def curve(calm: list[NDArray[np.float32]], pairs: list[tuple], labels: tuple[str, ...], grid: list[tuple]) -> None:
    print(f"\ncalm faces {len(calm)}, {CALM_S:.0f} s each; real changes {len(pairs)}; {FPS} frames a second")
    print("| window_s | min_duration_s | margin | mirrored | false changes an hour | noticed | median s | 95 % s |")
    print("|---|---|---|---|---|---|---|---|")
    for window, duration, margin, mirror in grid:
        config = DecideConfig(window_s=window, min_duration_s=duration, margin=margin)
        rng = np.random.default_rng(1)
        false = sum(
            sum(time_s > SETTLED_S for time_s, _ in changes(clip(face, CALM_S, rng, mirror=mirror), labels, config))
            for face in calm
        )
        hours = len(calm) * (CALM_S - SETTLED_S) / 3600
        delays = []
        for before, after, emotion in pairs:
            seen = [clip(before, BEFORE_S, rng, mirror=mirror), clip(after, AFTER_S, rng, mirror=mirror)]
            told = [
                t for t, name in changes(np.concatenate(seen), labels, config) if t >= BEFORE_S and name == emotion
            ]
            delays += [told[0] - BEFORE_S] if told else []
        print(
            f"| {window} | {duration} | {margin} | {'yes' if mirror else 'no'} | {false / hours:.1f} "
            f"| {100 * len(delays) / len(pairs):.0f} % | {np.median(delays):.2f} "
            f"| {np.quantile(delays, 0.95):.2f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="emotion")
    parser.add_argument("--faces", type=int, default=200)
    parser.add_argument("--settings", type=float, nargs="*", help="window_s, min_duration_s and margin, in threes")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    model = open_model(model_path(arguments.model))
    reader = Reader(Classifier(model), model.manifest.crop.size_px)
    labels = tuple(reader.classifier.labels)
    sample = sample_of(labels, read_faces(arguments.data), VALIDATION)
    asked = iter(arguments.settings or ())
    grid = [(*three, True) for three in zip(asked, asked, asked, strict=True)]
    if not grid:
        mirroring(reader, sample)
        grid = whole_grid()

    rng = np.random.default_rng(0)
    neutral = labels.index("neutral")
    order = rng.permutation(len(sample.truth))
    chosen = [row for row in order if sample.truth[row] == neutral][: arguments.faces]
    calm = [reader.read(poses(sample.faces.pixels[row], rng)) for row in chosen]
    steady = [face for face in calm if face.mean((0, 1)).argmax() == neutral]
    pairs = []
    for row in (row for row in order if sample.truth[row] != neutral):
        after = reader.read(poses(sample.faces.pixels[row], rng))
        if after.mean((0, 1)).argmax() == sample.truth[row]:
            pairs.append((steady[len(pairs) % len(steady)], after, labels[sample.truth[row]]))
        if len(pairs) == arguments.faces:
            break
    curve(calm, pairs, labels, grid)


if __name__ == "__main__":
    main()
