"""mien-train measure-crop: the crop contract that a detector's boxes need."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
import numpy as np

from training.detector.crops import SCENE_SIZE, measure_crop
from training.detector.opening import open_detector
from training.readers import read_faces
from training.splits import split


@click.command("measure-crop")
@click.argument("detector")
@click.option("--data", type=click.Path(path_type=Path), required=True, metavar="PATH", help="FER-2013's faces.")
@click.option("--count", type=click.IntRange(1), default=4000, show_default=True, help="Faces placed.")
@click.option("--seed", type=int, default=5, show_default=True)
def command(detector: str, data: Path, count: int, seed: int) -> None:
    """Measure the crop contract of DETECTOR (luma, yunet, haar or a model file).

    Training faces are placed on a wall.
    """
    opened = open_detector(detector, width_px=SCENE_SIZE[0], min_score=0.5, min_face_px=24)
    pixels = split(read_faces(data)).training.pixels
    rows = np.random.default_rng(seed).permutation(len(pixels))[:count]
    try:
        result = measure_crop(opened, pixels[rows], seed)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(msgspec.json.encode(result).decode())
